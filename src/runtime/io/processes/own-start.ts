/*
 * How a program that nobody of ours starts, because it runs in a terminal, becomes the run of a directory. What must hold:
 *
 * 1. It makes `owner` with its own identity before its first instruction, or it never begins: whoever makes that file
 *    first decides, and a recovery may have made a fence (owner.ts).
 * 2. The process that is named there is the program itself: the shell becomes it by exec, in its own session.
 * 3. The text is fixed. What differs comes as arguments, and no shell reads those.
 */

/** What it ends with where another start, or a recovery, was first. */
export const TAKEN = 125;

// Must say what proc.ts says of the same process.
const IDENTITY = `
_ym_linux() {
  read -r _ym_boot </proc/sys/kernel/random/boot_id
}
_ym_proc() {
  _ym_linux && read -r _ym_stat <"/proc/$$/stat" || return 1
  set -- \${_ym_stat##*) }
  _ym_start=\${20}
}
_ym_ps() {
  if [ -r /proc/sys/kernel/random/boot_id ]; then _ym_linux || return 1
  else _ym_boot=$(sysctl -n kern.boottime | sed 's/^[^=]*sec = \\([0-9]*\\).*/\\1/') || return 1; fi
  set -- $(TZ=UTC0 LC_ALL=C ps -o lstart= -p "$$")
  _ym_start=$*
}`;

const OWN_START = `${IDENTITY}
_ym_dir=$1 _ym_run=$2 _ym_probe=$3
shift 3
_ym_path=$PATH
PATH=\${PATH:+$PATH:}/usr/bin:/bin
_ym_own() {
  "_ym_$_ym_probe" && [ -n "$_ym_start" ] && [ -n "$_ym_boot" ] || return 1
  (umask 077; printf '{"pid":%s,"start":"%s","boot":"%s","run":"%s","itself":true}\\n' \\
    "$$" "$_ym_start" "$_ym_boot" "$_ym_run" >"$_ym_dir/owner.$$") || return 1
  ln -- "$_ym_dir/owner.$$" "$_ym_dir/owner" 2>/dev/null
}
_ym_own
_ym_owned=$?
rm -f -- "$_ym_dir/owner.$$"
PATH=$_ym_path
if [ "$_ym_owned" -ne 0 ]; then
  echo "This start was given up, or its run has begun already: nothing was started." >&2
  exit ${TAKEN}
fi
unset _ym_dir _ym_run _ym_probe _ym_path _ym_owned _ym_boot _ym_stat _ym_start
exec "$@"`;

export function ownStart(
  dir: string,
  run: string,
  argv: readonly [string, ...string[]],
  probe: 'proc' | 'ps',
): [string, ...string[]] {
  if (!/^[\w.:-]+$/.test(run)) throw new Error(`${JSON.stringify(run)} can't name a run`);
  return ['/bin/sh', '-c', OWN_START, 'yardmaster', dir, run, probe, ...argv];
}
