import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
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
  const [command = '', ...words] = behind(doors, [run.command, ...run.args], unshare);
  try {
    return await ended(spawn(command, words, { cwd, env, timeout }));
  } finally {
    doors.forEach(shut);
  }
}

/** A network with nothing in it but some ports, for as long as it is wanted. */
export interface Network {
  /** In front of a command that is to run in it; empty where the machine has no networks to give. */
  readonly enter: readonly string[];
  /** For what runs in it. */
  readonly env: Readonly<Record<string, string>>;
  close(): void;
}

/** Programs may enter it at any time, each with the process id that it would have had outside. */
export async function openNetwork(ports: readonly number[], folder: string): Promise<Network> {
  if (unshare === undefined) return { enter: [], env: dead, close: () => {} };
  const doors = await Promise.all(ports.map((port) => openDoor(port, folder)));
  const [command = '', ...words] = behind(doors, ['sh', '-c', 'echo open; exec sleep infinity'], unshare);
  const holder = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  const asUser = unshare.includes('-r') ? ['-U', '--preserve-credentials'] : [];
  return {
    enter: ['nsenter', '-t', String(holder.pid), ...asUser, '-n', '--'],
    env: {},
    close() {
      holder.kill();
      doors.forEach(shut);
    },
  };
}

function behind(doors: readonly Door[], command: readonly string[], unshare: readonly string[]): string[] {
  return [...unshare, process.execPath, script, ...doors.map(({ port, path }) => `${port}=${path}`), '--', ...command];
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

function shut({ server, path }: Door): void {
  server.close();
  rmSync(path, { force: true });
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
