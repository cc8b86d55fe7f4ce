import { spawn } from 'node:child_process';

/** Gives a text to a buffer of tmux through standard input: it stands in no command line and in no log of the server. */
export async function loadBuffer(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  text: string,
  limitMs: number,
): Promise<'loaded' | { readonly reason: string }> {
  const child = spawn(program, args, { cwd: '/', env, stdio: ['pipe', 'ignore', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(0, 500);
  });
  child.stdin.on('error', () => {}); // the exit says why
  child.stdin.end(text);
  const reason = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(signal === null ? complaint.trim() || `tmux ended with ${code}` : 'tmux gave no answer');
    });
  });
  clearTimeout(timer);
  return reason === undefined ? 'loaded' : { reason };
}
