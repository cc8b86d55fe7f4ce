import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const MAIN = join(ROOT, 'dist', 'main.js');

/** File systems in memory: an fsync there costs nothing and proves nothing. */
const MEMORY = new Set([0x01021994, 0x858458f6]);
const NAMES = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlay'],
]);

/** A folder on a real disk: `YARDMASTER_BENCH_DIR`, the temporary folder, or this checkout. */
export function diskFolder() {
  const places = [process.env.YARDMASTER_BENCH_DIR ?? tmpdir(), ROOT];
  const place = places.find((path) => !MEMORY.has(kindOf(path)));
  if (place === undefined) throw new Error('no real disk: set YARDMASTER_BENCH_DIR to a folder on one');
  const kind = kindOf(place);
  return { dir: mkdtempSync(join(place, 'ym-bench-')), disk: NAMES.get(kind) ?? `file system 0x${kind.toString(16)}` };
}

function kindOf(path) {
  return statfsSync(path).type >>> 0;
}

/** A runtime in a fresh home, asked over its socket; `end` leaves nothing. */
export async function startWorld({ config = () => '' } = {}) {
  const { dir, disk } = diskFolder();
  const [file, project] = [join(dir, 'yardmaster.yaml'), join(dir, 'project')];
  mkdirSync(project);
  writeFileSync(file, `allowed_roots: [${JSON.stringify(dir)}]\n${config(project)}`);
  const env = {
    ...process.env,
    YARDMASTER_HOME: join(dir, 'home'),
    YARDMASTER_CONFIG: file,
    YARDMASTER_HTTP_PORT: '0',
  };
  const child = spawn(process.execPath, [...process.execArgv, MAIN, 'serve'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exit = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exit.then(() => Promise.reject(new Error('it did not start')))]);
  return {
    dir,
    disk,
    env,
    pid: child.pid,
    project,
    client: await connected(join(dir, 'home', 'runtime.sock')),
    async end() {
      child.kill('SIGTERM');
      await exit;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** An MCP client in few lines: `call(tool, args)` answers the structured content. */
async function connected(path) {
  const socket = connect(path);
  await once(socket, 'connect');
  const open = new Map();
  createInterface({ input: socket }).on('line', (line) => {
    const { id, result, error } = JSON.parse(line);
    open.get(id)?.(error === undefined ? result : { isError: true, content: [{ text: error.message }] });
    open.delete(id);
  });
  const send = (message) => socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const request = (method, params) =>
    new Promise((resolve) => {
      const id = `${open.size}-${Math.random()}`;
      open.set(id, resolve);
      send({ id, method, params });
    });
  send({ method: 'yardmaster/hello', params: { bridge: 'bench', version: '0.0.0' } });
  await request('initialize', INITIALIZE);
  send({ method: 'notifications/initialized' });
  return {
    async call(name, args) {
      const result = await request('tools/call', { name, arguments: args });
      if (result.isError) throw new Error(`${name}: ${result.content[0].text}`);
      return result.structuredContent;
    },
    close: () => socket.destroy(),
  };
}

export const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1' },
};

/** Runs a shell line to its end; milliseconds. */
export function timed(line) {
  const from = performance.now();
  const { status } = spawnSync('sh', ['-c', line], { stdio: 'ignore' });
  if (status !== 0) throw new Error(`${line} ended with ${status}`);
  return performance.now() - from;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
