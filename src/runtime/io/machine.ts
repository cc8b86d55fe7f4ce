import { readFileSync } from 'node:fs';
import { realpath, rm, statfs } from 'node:fs/promises';
import type {
  Chance,
  Clock,
  Commands,
  Files,
  Git,
  Locks,
  MarkedProcesses,
  OpenWriters,
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
import { systemPipes } from './pipes.ts';
import { markedProcesses } from './processes/marked.ts';
import { processTable } from './processes/proc.ts';
import { createRunner } from './processes/runner.ts';

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
  readonly commands: Commands;
  /** Another one means that files which were not synced may be torn, and that no process of ours lives. */
  readonly bootId: string;
  /** What is left for this user on the disk of a folder; undefined where that can't be told. */
  readonly freeBytes: (dir: string) => Promise<number | undefined>;
  /** The path with every link resolved; undefined where nothing is. */
  readonly real: (path: string) => Promise<string | undefined>;
  /** With all that is in it; links are not followed. */
  readonly removeTree: (dir: string) => Promise<void>;
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
    commands,
    bootId: bootId(),
    freeBytes: (dir) =>
      statfs(dir).then(
        ({ bavail, bsize }) => bavail * bsize,
        () => undefined,
      ),
    removeTree: (dir) => rm(dir, { recursive: true, force: true }),
    real: (path) => realpath(path).catch(() => undefined),
  };
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
