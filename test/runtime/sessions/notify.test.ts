import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commands } from '../../../src/runtime/io/commands.ts';
import type { JournalRecord } from '../../../src/runtime/model/event.ts';
import { ProjectId, TaskId } from '../../../src/runtime/model/ids.ts';
import type { CommandEnd, CommandOrder, Commands } from '../../../src/runtime/ports.ts';
import { Notifier } from '../../../src/runtime/sessions/notify.ts';
import { settled, VirtualClock } from '../../fakes/virtual-clock.ts';

const MINUTE = 60_000;
const PROJECT = ProjectId.parse('p_000000000001');

let dir: string;
let clock: VirtualClock;
let listeners: Set<(record: JournalRecord) => void>;
let said: string[];
let notifier: Notifier;
const config: { notify_command?: string[] } = {};

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'yardmaster-notify-'));
  await mkdir(join(dir, 'told'));
  clock = new VirtualClock(Date.UTC(2026, 10, 21, 3));
  listeners = new Set();
  said = [];
});
afterEach(async () => {
  const stopping = notifier.stop();
  await clock.advance(2_000);
  await stopping;
  await rm(dir, { recursive: true, force: true });
});

function open(through: Commands, notify_command?: string[]): void {
  if (notify_command) config.notify_command = notify_command;
  else delete config.notify_command;
  notifier = new Notifier({
    ...{ commands: through, clock, config, cwd: dir, projectName: () => 'shop' },
    env: { PATH: process.env.PATH, HOME: dir, ANTHROPIC_API_KEY: 'secret', YARDMASTER_ATTEMPT_TOKEN: 'token' },
    follow: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    say: (level, message, facts) => said.push(`${level} ${message} ${JSON.stringify(facts)}`),
  });
  notifier.start();
}

let seq = 0;
function fail(id: string): void {
  const outcome = { state: 'failed', error_class: 'crash', reason: 'exit code 7' } as const;
  const event = { type: 'task_finished', project: PROJECT, id: TaskId.parse(id), attempt: 3, outcome } as const;
  seq += 1;
  const record: JournalRecord = { seq, at: clock.now(), type: event.type, cause: { by: 'runner' }, events: [event] };
  for (const listener of listeners) listener(record);
}

/** Keeps the orders, and ends them when a test says so. */
class Kept implements Commands {
  readonly orders: CommandOrder[] = [];
  readonly ends: ((end: CommandEnd) => void)[] = [];
  most = 0;
  #running = 0;

  run(order: CommandOrder, signal: AbortSignal): Promise<CommandEnd> {
    this.orders.push(order);
    this.#running += 1;
    this.most = Math.max(this.most, this.#running);
    return new Promise((resolve) => {
      const end = (how: CommandEnd) => {
        signal.removeEventListener('abort', abort);
        this.#running -= 1;
        resolve(how);
      };
      const abort = () => end({ kind: 'aborted' });
      this.ends.push(end);
      signal.addEventListener('abort', abort);
    });
  }

  async end(how: CommandEnd = { kind: 'exited', code: 0, stderr: '' }): Promise<void> {
    this.ends.shift()?.(how);
    await settled();
  }

  told(): string[] {
    return this.orders.map(({ input }) => {
      const { task, detail } = JSON.parse(input) as { task?: string; detail: string };
      return task ?? detail;
    });
  }
}

describe('the program of a person', () => {
  it('reads the news as JSON, without our tokens', async () => {
    const program = join(dir, 'tell me');
    await writeFile(program, '#!/bin/sh\ncat > "told/$1.part" && env > told/env && mv "told/$1.part" "told/$1"\n');
    await chmod(program, 0o700);
    let ended: () => void = () => {};
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const run: Commands['run'] = (order, signal) => commands.run(order, signal).finally(ended);
    open({ run }, [program, '$(id)']);
    fail('build');
    await end;
    expect((await readdir(join(dir, 'told'))).sort()).toEqual(['$(id)', 'env']);
    expect(JSON.parse(await readFile(join(dir, 'told', '$(id)'), 'utf8'))).toEqual({
      ...{ what: 'failed', task: 'build', project: 'shop', detail: 'crash: exit code 7' },
      next: 'yardmaster show shop/build; yardmaster retry shop/build',
      at: '2026-11-21T03:00:00.000Z',
    });
    const env = await readFile(join(dir, 'told', 'env'), 'utf8');
    expect(env).toContain(`HOME=${dir}`);
    expect(env).not.toMatch(/secret|token/);
    await settled();
    expect(notifier.needs()).toEqual([]);
  });

  it('that can’t be started is said once, and is a need until it works', async () => {
    const missing = join(dir, 'missing');
    const ends: Promise<CommandEnd>[] = [];
    const run: Commands['run'] = (order, signal) => {
      const end = commands.run(order, signal);
      ends.push(end);
      return end;
    };
    open({ run }, [missing]);
    fail('one');
    fail('two');
    await Promise.all(ends);
    await settled();
    expect(said).toEqual([expect.stringMatching(/^warn notify_command failed .*could not be started: .*ENOENT/)]);
    expect(notifier.needs()).toEqual([
      expect.objectContaining({ where: missing, what: expect.stringContaining('you may miss news') }),
    ]);
    config.notify_command = ['true'];
    expect(notifier.needs()).toEqual([]); // another one: nothing is known of it
    fail('three');
    await Promise.all(ends);
    await settled();
    config.notify_command = [missing];
    expect(notifier.needs()).toEqual([]);
  });
});

describe('many news', () => {
  it('are told two at a time and ten in a minute; the others are counted and told as one', async () => {
    const kept = new Kept();
    open(kept, ['tell']);
    for (let n = 1; n <= 50; n++) fail(`t${n}`);
    await settled();
    expect(kept.told()).toEqual(['t1', 't2']);
    for (let n = 0; n < 20; n++) await kept.end();
    expect(kept.told()).toEqual(['t1', 't2', 't3', 't4', 't5', 't6', 't7', 't8', 't9', 't10']);
    await clock.advance(MINUTE - 1);
    fail('t51');
    expect(kept.orders.length).toBe(10);
    await clock.advance(1);
    expect(kept.told().slice(10)).toEqual(['41 more: 41 failed']);
    await kept.end();
    fail('later');
    await settled();
    expect(kept.told().at(-1)).toBe('later');
    expect(kept.most).toBe(2);
  });
});

it('without a command nothing is kept', async () => {
  const kept = new Kept();
  open(kept);
  fail('build');
  await settled();
  expect([kept.orders.length, clock.pending]).toEqual([0, 0]);
});

it('a failing command is said again only after it has worked', async () => {
  const kept = new Kept();
  open(kept, ['tell']);
  const failing: CommandEnd = { kind: 'exited', code: 3, stderr: 'first\nno \u001b[31mroute\n' };
  for (const end of [failing, failing, { kind: 'exited', code: 0, stderr: '' } as const, failing]) {
    fail('build');
    await settled();
    await kept.end(end);
  }
  expect(said.length).toBe(2);
  expect(said[0]).toContain('exit code 3: no route');
});

it('the end waits two seconds for what runs, then kills it, and leaves nothing', async () => {
  const kept = new Kept();
  open(kept, ['tell']);
  for (const id of ['one', 'two', 'three']) fail(id);
  await settled();
  let stopped = false;
  const stopping = notifier.stop().then(() => {
    stopped = true;
  });
  await clock.advance(1_999);
  expect(stopped).toBe(false);
  await clock.advance(1);
  await stopping;
  expect([kept.told(), clock.pending, listeners.size]).toEqual([['one', 'two'], 0, 0]);
});
