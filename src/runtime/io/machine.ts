import { readFileSync } from 'node:fs';
import { realpath, rm, statfs } from 'node:fs/promises';
import { availableParallelism, freemem, loadavg } from 'node:os';
import type { Gauge } from '../policy/backpressure.ts';
import type {
  Chance,
  Clock,
  Commands,
  Files,
  Git,
  Locks,
  MarkedProcesses,
  OpenWriters,
  Patterns,
  Pipes,
  Runner,
} from '../ports.ts';
import { systemChance } from './chance.ts';
import { systemClock } from './clock.ts';
import { commands } from './commands.ts';
import { DiskFiles } from './files.ts';
import { git } from './git.ts';
import { fileLocks } from './locks.ts';
import { procWriters } from './open-writers.ts';
import { patterns } from './patterns.ts';
import { systemPipes } from './pipes.ts';
import { markedProcesses } from './processes/marked.ts';
import { processTable } from './processes/proc.ts';
import { createRunner } from './processes/runner.ts';
import { workingIn } from './processes/working-in.ts';

/** The ports of the runtime on the machine that it runs on. */
export interface Machine {
  readonly files: Files;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly locks: Locks;
  readonly git: Git;
  readonly writers: OpenWriters;
  readonly runner: Runner;
  readonly marked: MarkedProcesses;
  readonly pipes: Pipes;
  readonly patterns: Patterns;
  readonly commands: Commands;
  /** Another one means that files which were not synced may be torn, and that no process of ours lives. */
  readonly bootId: string;
  /** What it has to do, and has left: in memory, and for this user on the disk of a folder. */
  readonly gauge: (dir: string) => Promise<Gauge>;
  /** The path with every link resolved; undefined where nothing is. */
  readonly real: (path: string) => Promise<string | undefined>;
  /** With all that is in it; links are not followed. */
  readonly removeTree: (dir: string) => Promise<void>;
  /** Processes of others that work in a folder. */
  readonly workingIn: (dir: string) => Promise<readonly number[]>;
}

export function thisMachine(owner: Readonly<Record<string, unknown>>): Machine {
  return {
    files: new DiskFiles({ file: 0o600, dir: 0o700 }),
    clock: systemClock(),
    chance: systemChance(),
    locks: fileLocks(owner),
    git,
    writers: procWriters,
    runner: createRunner(),
    marked: markedProcesses(processTable()),
    pipes: systemPipes(),
    patterns,
    commands,
    bootId: bootId(),
    gauge: async (dir) => ({
      load_per_cpu: (loadavg()[0] ?? 0) / availableParallelism(),
      free_memory: process.availableMemory?.() ?? freemem(), // what the limits of a container leave, where Node knows them
      ...(await freeBytes(dir)),
    }),
    workingIn,
    removeTree: (dir) => rm(dir, { recursive: true, force: true }),
    real: (path) => realpath(path).catch(() => undefined),
  };
}

function freeBytes(dir: string): Promise<Pick<Gauge, 'free_bytes'>> {
  return statfs(dir).then(
    ({ bavail, bsize }) => ({ free_bytes: bavail * bsize }),
    () => ({}),
  );
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
