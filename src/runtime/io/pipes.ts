import { execFile } from 'node:child_process';
import { close, constants, fstatSync, lstatSync, openSync, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { errorCode } from '../model/file-error.ts';
import type { Pipes } from '../ports.ts';

/*
 * 1. Opening never waits: without a reader there is nothing to answer (ENXIO).
 * 2. Only a pipe of our own is opened, and no link is followed: nobody can turn an answer into a write somewhere else.
 * 3. A reader that stops reading is given up after a while; it has got no whole answer.
 * 4. A pipe that is held has us as a reader too, so that a writer never waits for the other one to come.
 */

const OPEN = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const HOLD = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const NOBODY = new Set(['ENOENT', 'ENOTDIR', 'ENXIO', 'ELOOP', 'EPIPE', 'ECONNRESET']);
const PATIENCE_MS = 5_000;

export function systemPipes(patienceMs = PATIENCE_MS): Pipes {
  return {
    async answer(path, text) {
      const fd = openForAnswer(path);
      if (fd === undefined) return 'nobody';
      return text === '' ? closed(fd) : written(fd, text, patienceMs);
    },

    async hold(path) {
      await promisify(execFile)('mkfifo', ['-m', '600', path]);
      const pipe = new Socket({ fd: openSync(path, HOLD), readable: false, writable: true }); // 4
      pipe.on('error', () => {}); // whoever writes is told
      return {
        write: (text) =>
          new Promise((resolve) => {
            if (pipe.destroyed) resolve('closed');
            else pipe.write(text, (error) => resolve(error ? 'closed' : 'written'));
          }),
        close: () =>
          new Promise((resolve) => {
            if (pipe.closed) return resolve();
            pipe.once('close', () => resolve()).destroy();
          }),
      };
    },
  };
}

function openForAnswer(path: string): number | undefined {
  const before = expected(() => lstatSync(path));
  if (before === undefined || !isOurs(before)) return undefined; // 2: opening a device may do something already
  const fd = expected(() => openSync(path, OPEN)); // 1
  if (fd === undefined) return undefined;
  if (isOurs(fstatSync(fd))) return fd;
  close(fd);
  return undefined;
}

function isOurs(stat: Stats): boolean {
  return stat.isFIFO() && stat.uid === process.geteuid?.();
}

function expected<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (NOBODY.has(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

function closed(fd: number): Promise<'taken'> {
  return new Promise((resolve, reject) => close(fd, (error) => (error ? reject(error) : resolve('taken'))));
}

function written(fd: number, text: string, patienceMs: number): Promise<'taken' | 'nobody'> {
  return new Promise((resolve, reject) => {
    const pipe = new Socket({ fd, readable: false, writable: true });
    let outcome: 'taken' | 'nobody' = 'nobody';
    let failure: Error | undefined;
    const tooLong = setTimeout(() => pipe.destroy(), patienceMs).unref(); // 3
    pipe.once('error', (error) => {
      if (!NOBODY.has(errorCode(error) ?? '')) failure = error;
    });
    pipe.once('close', () => {
      clearTimeout(tooLong);
      if (failure) reject(failure);
      else resolve(outcome);
    });
    pipe.write(text, (error) => {
      if (error || pipe.destroyed) return; // given up, or told as an event
      outcome = 'taken';
      pipe.destroy(); // closes the descriptor when everything is in the pipe
    });
  });
}
