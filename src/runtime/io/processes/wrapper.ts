/**
 * The wrapper: one small POSIX shell per run that outlives the runtime. What must hold:
 *
 * 1. Nothing starts before `owner` is ours. `owner` appears with its whole content or not at all (link(2)), and
 *    whoever makes it first decides: this wrapper, another one, or a recovery that fences.
 * 2. No agent without its record: the process that writes `agent` is the one that becomes the agent by exec.
 * 3. A signal at the wrapper loses nothing: they are caught, not ignored, so the agent does not inherit it, and the
 *    agent runs in the foreground, so it does not begin with SIGINT ignored as background jobs of a shell do.
 * 4. `exit` appears whole, on disk, after everything else of the agent's process group has ended.
 *
 * Its text travels in a variable that it unsets first: there is no file that could be torn, missing, or changed by the
 * agent while a shell still reads it, and `ps` shows a short line that names the run directory. All its variables
 * begin with `_ym_`, so that none of the agent's environment is changed. Times are not in the records: the
 * modification times of `agent` and `exit` are, which saves two processes per run.
 *
 * Arguments: dir, run, boot, proc|ps, PATH for its own tools, standard input, then what is executed.
 * Descriptor 3 is closed once the owner is decided.
 */
export const WRAPPER = `
unset _ym_wrapper
trap : HUP INT QUIT TERM
_ym_dir=$1 _ym_run=$2 _ym_boot=$3 _ym_probe=$4 _ym_path=$5 _ym_in=$6
shift 6

_ym_self() {
  if [ "$_ym_probe" = proc ]; then
    read -r _ym_x </proc/self/stat
    _ym_pid=\${_ym_x%% *}
    set -- \${_ym_x##*) }
    _ym_start=\${20}
  else
    _ym_pid=$(PATH=$_ym_path; exec sh -c 'echo "$PPID"')
    set -- $(PATH=$_ym_path; TZ=UTC0 LC_ALL=C ps -o lstart= -p "$_ym_pid")
    _ym_start="$*"
  fi
}

_ym_end_group() {
  kill -s 0 -- "-$1" 2>/dev/null || return 0
  kill -s TERM -- "-$1" 2>/dev/null
  for _ym_x in 1 2 3 4 5 6 7 8 9 10; do
    PATH=$_ym_path sleep 0.2
    kill -s 0 -- "-$1" 2>/dev/null || return 0
  done
  kill -s KILL -- "-$1" 2>/dev/null
}

_ym_record_exit() {
  printf '{"code":%s}\\n' "$_ym_code" >"$_ym_dir/exit.new" || return 1
  PATH=$_ym_path sync "$_ym_dir/exit.new" || PATH=$_ym_path sync
  PATH=$_ym_path mv -f "$_ym_dir/exit.new" "$_ym_dir/exit"
}

_ym_self
_ym_x=$_ym_dir/owner.$_ym_pid
printf '{"pid":%s,"start":"%s","boot":"%s","run":"%s"}\\n' "$_ym_pid" "$_ym_start" "$_ym_boot" "$_ym_run" >"$_ym_x" || exit 96
PATH=$_ym_path ln "$_ym_x" "$_ym_dir/owner" || exit 97
exec 3>&-

(
  _ym_self
  printf '{"pid":%s,"start":"%s","boot":"%s"}\\n' "$_ym_pid" "$_ym_start" "$_ym_boot" >"$_ym_dir/agent" || exit 126
  exec "$@" <"$_ym_in" >>"$_ym_dir/stdout" 2>>"$_ym_dir/stderr"
)
_ym_code=$?

_ym_pid=
IFS=:, read -r _ym_x _ym_pid _ym_x <"$_ym_dir/agent"
case $_ym_pid in
  '' | *[!0-9]* | 0 | 1) ;;
  *) _ym_end_group "$_ym_pid" ;;
esac

for _ym_y in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  _ym_record_exit && exit 0
  [ -d "$_ym_dir" ] || exit 98
  PATH=$_ym_path sleep 1
done
exit 98
`;
