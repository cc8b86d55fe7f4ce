import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { INITIALIZE, MAIN } from './world.mjs';

/** `yardmaster serve` on a home that is there already. */
export async function startDaemon(env) {
  const from = performance.now();
  const child = spawn(process.execPath, [...process.execArgv, MAIN, 'serve'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exit = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exit.then(() => Promise.reject(new Error('it did not start')))]);
  const end = async (signal) => {
    child.kill(signal);
    await exit;
  };
  return { pid: child.pid, from, exit, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

/** A client in few lines of any MCP server on stdio: the same one for ours and for others. */
export async function stdioClient(argv, env = process.env) {
  const child = spawn(process.execPath, argv, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const open = new Map();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line);
    open.get(message.id)?.(message);
    open.delete(message.id);
  });
  const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  let last = 0;
  const request = async (method, params) => {
    const id = ++last;
    const answer = new Promise((resolve) => open.set(id, resolve));
    send({ id, method, params });
    const { result, error } = await Promise.race([answer, exit.then(() => Promise.reject(new Error('it has ended')))]);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  };
  await request('initialize', INITIALIZE);
  send({ method: 'notifications/initialized' });
  return {
    request,
    async call(name, args) {
      const result = await request('tools/call', { name, arguments: args });
      if (result.isError) throw new Error(`${name}: ${result.content[0].text}`);
      return result.structuredContent;
    },
    async close() {
      child.stdin.end();
      await exit;
    },
  };
}

export const bridge = (env) => stdioClient([MAIN, 'mcp'], env);

/** What the kernel says of a process: MB resident now and at most, open descriptors, inotify watches. */
export function looksOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)[1]) / 1024;
  const descriptors = readdirSync(`/proc/${pid}/fdinfo`);
  const infos = descriptors.map((fd) => readIfThere(`/proc/${pid}/fdinfo/${fd}`));
  const watches = infos.join('\n').match(/^inotify wd:/gm)?.length ?? 0;
  return { resident: mb('VmRSS'), peak: mb('VmHWM'), descriptors: descriptors.length, watches };
}

/** Milliseconds that its threads were on a processor so far. */
export function workOf(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map((id) => Number(readIfThere(`/proc/${pid}/task/${id}/schedstat`).split(' ')[0]));
  return times.reduce((sum, ns) => sum + ns, 0) / 1e6;
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // closed meanwhile
  }
}
