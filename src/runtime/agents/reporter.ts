import { createHash } from 'node:crypto';

/*
 * The program that an agent's hooks run: `sh reporter-<hash>.sh RUN_DIR EVENT`, the payload on its input. It is handed
 * to every agent, so it must hold on any POSIX system and cost next to nothing: two programs per report, cat and mv.
 *
 * 1. A report is whole or not there: it is written beside the spool and renamed into it.
 * 2. Names sort in the order of writing: time since boot (a run directory never outlives one), raised where two reports
 *    fall into one step of the clock. When it was written is the time of the file itself.
 * 3. A request's FIFO is there before its report. Whatever is written to it becomes the hook's answer; nothing written
 *    means that the hook has nothing to say. Until somebody opens it, the reporter waits without any work. It may come
 *    to its FIFO a moment after its report: whoever answers a report that is milliseconds old tries ENXIO again.
 *    As long as it waits, and until its answer is surely heard, it holds the `input` of an agent without a terminal open,
 *    whoever else goes away: at the end of it the agent would take its request for refused.
 * 4. While `hold` is there and younger than ten seconds, no tool begins.
 * 5. The agent is never disturbed: without a run directory, with a full disk, without mkfifo it ends with 0 and says
 *    nothing. (2 would forbid the agent what it was about to do.)
 */
export const REPORTER = `#!/bin/sh
# Written by yardmaster; reports what an agent's hook was told. RUN_DIR EVENT <payload
PATH=/usr/bin:/bin:$PATH
exec 2>/dev/null
trap 'exit 0' EXIT
umask 077
run=$1 event=$2 temp=$1/.report-$$

main() {
  if [ ! -d "$run/hooks" ] || ! cat >"$temp"; then
    cat >/dev/null
    rm -f "$temp"
    return
  fi
  stamp
  name=$time-$$-$event
  case $event in
    PermissionRequest) ask ;;
    PreToolUse)
      hand_in
      hold
      ;;
    *) hand_in ;;
  esac
}

stamp() {
  last=0
  read -r now _ </proc/uptime || now=
  case $now in
    [1-9]*.[0-9][0-9]) now=\${now%.*}\${now#*.}0000000 ;;
    *) now=$(date +%s)000000000 ;;
  esac
  read -r last <"$run/.last-report"
  case $last in
    '' | *[!0-9]* | 0* | 9?????????????????? | ????????????????????*) last=0 ;;
  esac
  [ "$now" -gt "$last" ] || now=$((last + 1))
  echo "$now" >"$run/.last-report"
  time=00000000000000000000$now
  time=\${time#"\${time%????????????????????}"}
}

hand_in() {
  mv -f "$temp" "$run/hooks/$name.json" && return
  rm -f "$temp"
  return 1
}

ask() {
  pipe=$run/answers/$name
  if ! mkfifo "$pipe"; then
    hand_in
    return
  fi
  held=
  if [ -p "$run/input" ]; then
    exec 8<>"$run/input"
    held=1
  fi
  { hand_in || : >"$pipe"; } &
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s\\n' "$line"
  done <"$pipe"
  rm -f "$pipe"
  if [ -n "$held" ]; then sleep 2 >/dev/null & fi
}

hold() {
  rounds=0
  while [ -e "$run/hold" ] && [ "$rounds" -lt 200 ] && young "$run/hold"; do
    rounds=$((rounds + 1))
    sleep 0.05 && continue
    rounds=$((rounds + 19))
    sleep 1
  done
}

young() {
  made=$(date -r "$1" +%s) && [ $(($(date +%s) - made)) -lt 10 ]
}

main
exit 0
`;

/** Its name tells its text: a newer yardmaster writes another file, and agents that run go on with theirs. */
export const REPORTER_NAME = `reporter-${createHash('sha256').update(REPORTER).digest('hex').slice(0, 12)}.sh`;
