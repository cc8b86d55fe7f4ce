import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./alone.mjs', import.meta.url));

export interface Run {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Ports of loopback that it may reach, under the same numbers. */
  readonly ports: readonly number[];
  /** A folder for the sockets in between. */
  readonly folder: string;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How this user makes a network with nothing in it; undefined where the machine refuses. */
const unshare = [
  ['unshare', '-n'],
  ['unshare', '-r', '-n'],
].find(([command = '', ...args]) => spawnSync(command, [...args, 'ip', 'link', 'set', 'lo', 'up']).status === 0);

/**
 * Runs a real agent so that nothing of it leaves this machine: in a network of its own where that can be had; else all
 * that is not loopback goes to a proxy that is not there.
 */
export async function runAlone(run: Run): Promise<Ended> {
  const { cwd, env } = run;
  if (unshare === undefined) return ended(spawn(run.command, run.args, { cwd, env: { ...env, ...dead }, timeout }));
  const doors = await Promise.all(run.ports.map((port) => openDoor(port, run.folder)));
  const [command = '', ...args] = unshare;
  const words = [...args, process.execPath, script, ...doors.map(({ port, path }) => `${port}=${path}`)];
  try {
    return await ended(spawn(command, [...words, '--', run.command, ...run.args], { cwd, env, timeout }));
  } finally {
    for (const { server, path } of doors) {
      server.close();
      rmSync(path, { force: true });
    }
  }
}

/** Whoever hangs is ended, and what it said is in the test's failure. */
const timeout = 50_000;
const NOWHERE = 'http://127.0.0.1:9';
const dead = { HTTPS_PROXY: NOWHERE, HTTP_PROXY: NOWHERE, NO_PROXY: '127.0.0.1,localhost' };

interface Door {
  readonly port: number;
  readonly path: string;
  readonly server: Server;
}

/** The outer half of a way through: the agent's network has its own loopback. */
async function openDoor(port: number, folder: string): Promise<Door> {
  const path = join(folder, `door-${port}-${process.pid}`);
  const server = createServer((inner) => {
    const outer = connect(port, '127.0.0.1');
    inner.on('error', () => outer.destroy());
    outer.on('error', () => inner.destroy());
    inner.pipe(outer).pipe(inner);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { port, path, server };
}

function ended(child: ChildProcess): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    said.stdout += chunk;
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    said.stderr += chunk;
  });
  child.stdin?.end();
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...said }));
  });
}
