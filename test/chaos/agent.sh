#!/bin/sh
# An agent that keeps a ledger of what really ran: agent.sh LEDGER, the prompt on stdin. What the prompt asks for:
# `pause=SECONDS;`, `until=ATTEMPT;` (earlier attempts fail), `gated;` (it ends when the task's gate is there).
ledger=$1
prompt=$(cat)
say() {
  printf '%s %s %s\n' "$YARDMASTER_TASK" "$YARDMASTER_ATTEMPT" "$1" >>"$ledger/agents.log"
}
# The kernel keeps this lock for as long as a process of this attempt lives.
exec 9>"$ledger/locks/$YARDMASTER_TASK"
flock -n 9 || say overlap
say start
pause=${prompt##*pause=}
sleep "${pause%%;*}"
case $prompt in
*'gated;'*) while [ ! -e "$ledger/gates/$YARDMASTER_TASK" ]; do sleep 0.02; done ;;
esac
until=${prompt##*until=}
until=${until%%;*}
if [ "$YARDMASTER_ATTEMPT" -lt "$until" ]; then
  say failed
  exit 1
fi
printf 'result of %s, attempt %s\n' "$YARDMASTER_TASK" "$YARDMASTER_ATTEMPT"
say end
