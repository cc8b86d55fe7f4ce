import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Answer, LiveState, SessionAgent } from '../../../../src/runtime/agents/agent.ts';
import { systemClock } from '../../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';
import { systemPipes } from '../../../../src/runtime/io/pipes.ts';
import type { ToldEvent } from '../../../../src/runtime/model/event.ts';
import { ProjectId, TaskId } from '../../../../src/runtime/model/ids.ts';
import type { AgentRequest } from '../../../../src/runtime/sessions/attempts/attempt-ports.ts';
import { OpenRequests } from '../../../../src/runtime/sessions/requests/requests.ts';
import type { PaneAgent } from '../../../../src/runtime/sessions/typing/pane-agent.ts';
import { CONVERSATION } from '../typing/world.ts';

/* Hooks that really wait at their pipes. */

const OWNER = { by: 'owner' } as const;
const task = { project: ProjectId.parse('p_000000000001'), id: TaskId.parse('fix') };

let dir: string;
let run_dir: string;
let live: LiveState | undefined;
let told: ToldEvent[];
let understands: boolean;
const files = new DiskFiles();
const waiting = new Set<ReturnType<typeof spawn>>();

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ym-requests-'));
  run_dir = join(dir, 'runs', task.project, task.id, '1');
  for (const folder of ['hooks', 'answers']) mkdirSync(join(run_dir, folder), { recursive: true });
  live = undefined;
  told = [];
  understands = true;
});
afterEach(() => {
  for (const hook of waiting) process.kill(-(hook.pid ?? 0), 'SIGKILL');
  waiting.clear();
  rmSync(dir, { recursive: true, force: true });
});

function runtime(): OpenRequests {
  const store = {
    async record(event: ToldEvent) {
      told.push(event);
    },
  };
  const say = () => {};
  return new OpenRequests({ store, files, pipes: systemPipes(), clock: systemClock(), agentIn: () => agent(), say });
}

function agent(): PaneAgent {
  const claude: Pick<SessionAgent, 'hear' | 'answer' | 'live'> = {
    hear: ({ name, at, text }) => ({ report: name, at, conversation: CONVERSATION, heard: JSON.parse(text) }),
    answer: (_report, answer: Answer) => (understands ? `${JSON.stringify(answer)}\n` : ''),
    live: async () => live,
  };
  return {
    ...{ seat: 'shop', target: { pane: '%1', pid: 1 }, run_dir, conversation: CONVERSATION, home: dir },
    agent: claude as SessionAgent,
    doing: () => ({ kind: 'working' }),
  };
}

interface Asking {
  readonly request: AgentRequest;
  /** What the hook has read when it goes on. */
  readonly read: Promise<string>;
}

/** An agent's hook: its pipe, its report, and then it waits. */
function asks(report: string, more: Partial<AgentRequest> = {}): Asking {
  const pipe = join(run_dir, 'answers', report);
  execFileSync('mkfifo', ['-m', '600', pipe]);
  writeFileSync(join(run_dir, 'hooks', `${report}.json`), JSON.stringify({ kind: 'asks', tool: 'Bash', input: {} }));
  const hook = spawn('/bin/sh', ['-c', 'cat "$1"; rm -f "$1"', 'sh', pipe], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  waiting.add(hook);
  const parts: Buffer[] = [];
  hook.stdout.on('data', (part: Buffer) => parts.push(part));
  const read = once(hook, 'close').then(() => {
    waiting.delete(hook);
    return Buffer.concat(parts).toString();
  });
  const asked_at = Date.now();
  const request: AgentRequest = {
    ...{ id: `req-${report}`, kind: 'permission', seat: 'shop', program: 'claude', task },
    ...{ attempt: 1, run_dir, report, tool: 'Bash', input: { command: 'make\u001b[31m clean' } },
    ...{ asked_at, expires_at: asked_at + 60_000, ...more },
  };
  return { request, read };
}

function tells(heard: object): void {
  writeFileSync(join(run_dir, 'hooks', `z${readdirSync(join(run_dir, 'hooks')).length}.json`), JSON.stringify(heard));
}

const hows = () => told.map((event) => ('how' in event ? event.how : event.type));

test('an answer reaches the hook that asked, and the agent’s next report confirms it', async () => {
  const requests = runtime();
  const { request, read } = asks('1-a');
  const answered: string[] = [];
  requests.subscribe(({ id }) => answered.push(id));
  requests.opened(request);
  expect(requests.list()).toMatchObject([{ id: request.id, session: 'shop', input: 'command: make clean' }]);
  void read.then(() => tells({ kind: 'tool_ended', tool: 'Bash' }));
  expect(await requests.answer(request.id, { decision: 'allow' }, OWNER)).toMatchObject({ verdict: 'confirmed' });
  expect(await read).toBe('{"decision":"allow"}\n');
  expect(requests.list()).toEqual([]);
  expect(answered).toEqual([request.id]);
  await requests.close();
  expect(told).toMatchObject([
    { type: 'task_blocked', request: request.id, on: 'permission', session: 'shop', attempt: 1 },
    { type: 'task_unblocked', request: request.id, how: 'allowed' },
  ]);
});

test('the agent’s own state confirms as well; without any sign it is unconfirmed', async () => {
  const requests = runtime();
  const first = asks('1-a');
  requests.opened(first.request);
  void first.read.then(() => {
    live = { status: 'busy', conversation: CONVERSATION, at: Date.now() };
  });
  const denied = await requests.answer(first.request.id, { decision: 'deny', reason: 'not on Fridays' }, OWNER);
  expect(denied).toMatchObject({ verdict: 'confirmed' });
  expect(await first.read).toBe('{"decision":"deny","reason":"not on Fridays"}\n');
  live = undefined;
  const second = asks('2-b');
  requests.opened(second.request);
  expect(await requests.answer(second.request.id, { decision: 'allow' }, OWNER)).toMatchObject({
    verdict: 'unconfirmed',
    detail: expect.stringMatching(/not given again/),
  });
});

test('who comes second changes nothing, nor does a worker, nor a wrong answer', async () => {
  const requests = runtime();
  const { request, read } = asks('1-a');
  requests.opened(request);
  expect(await requests.answer(request.id, { decision: 'allow' }, { by: 'attempt' })).toMatchObject({
    code: 'not_allowed',
  });
  expect(await requests.answer(request.id, { answers: { a: 'b' } }, OWNER)).toMatchObject({ code: 'invalid' });
  expect(await requests.answer('req-0', { decision: 'allow' }, OWNER)).toMatchObject({ code: 'not_found' });
  const both = [{ decision: 'allow' } as const, { decision: 'deny', reason: 'no' } as const];
  const [one, other] = await Promise.all(both.map((given) => requests.answer(request.id, given, OWNER)));
  expect(one).toMatchObject({ id: request.id });
  expect(other).toMatchObject({ code: 'stale' });
  expect(await read).toBe('{"decision":"allow"}\n');
  const late = await requests.answer(request.id, { decision: 'deny' }, OWNER);
  expect(late).toMatchObject({ code: 'stale', message: expect.stringMatching(/is over: allowed/) });
  requests.closed(request, 'its turn has ended');
  requests.opened(request);
  expect(requests.list()).toEqual([]);
  await requests.close();
  expect(hows()).toEqual(['task_blocked', 'allowed']);
});

test('a person was first: the answer is refused, and the hook is let go', async () => {
  const requests = runtime();
  const { request, read } = asks('1-a', { asked_at: Date.now() - 10_000 });
  requests.opened(request);
  live = { status: 'busy', conversation: CONVERSATION, at: Date.now() - 5_000 };
  expect(await requests.answer(request.id, { decision: 'allow' }, OWNER)).toMatchObject({
    code: 'stale',
    message: expect.stringMatching(/answered it in the terminal; this answer changed nothing/),
  });
  expect(await read).toBe('');
});

test('a person was first, a moment ago: the agent’s reports say so', async () => {
  const requests = runtime();
  const { request, read } = asks('1-a');
  requests.opened(request);
  tells({ kind: 'tool_ended', tool: 'Bash', input: { command: 'another one' } });
  tells({ kind: 'tool_ended', tool: 'Bash', input: request.input });
  expect(await requests.answer(request.id, { decision: 'deny' }, OWNER)).toMatchObject({ code: 'stale' });
  expect(await read).toBe('');
});

test('what its agent would not understand is not given, and the request stays open', async () => {
  const requests = runtime();
  const { request } = asks('1-a');
  requests.opened(request);
  understands = false;
  expect(await requests.answer(request.id, { decision: 'allow' }, OWNER)).toMatchObject({ code: 'not_possible' });
  expect(requests.list()).toHaveLength(1);
});

test('a request that ends by other means lets its hook go, also one that has not come to its pipe yet', async () => {
  const requests = runtime();
  const { request, read } = asks('1-a');
  requests.opened(request);
  requests.closed(request, 'answered in the terminal');
  expect(await read).toBe('');
  expect(await requests.answer(request.id, { decision: 'allow' }, OWNER)).toMatchObject({ code: 'stale' });
  await requests.close();
  expect(hows()).toEqual(['task_blocked', 'answered in the terminal']);
});

test('nobody waits: the answer was none', async () => {
  const requests = runtime();
  const { request, read } = asks('1-a', { asked_at: Date.now() - 10_000 });
  requests.opened(request);
  for (const hook of waiting) process.kill(-(hook.pid ?? 0), 'SIGKILL');
  await read;
  expect(await requests.answer(request.id, { decision: 'allow' }, OWNER)).toMatchObject({
    code: 'stale',
    message: expect.stringMatching(/nobody waits/),
  });
  await requests.close();
  expect(hows()).toEqual(['task_blocked', 'nobody waits for an answer any more']);
});

test('its attempt denies what nobody answered in time', async () => {
  const requests = runtime();
  const { request, read } = asks('1-a');
  requests.opened(request);
  expect(await requests.deny(request, 'nobody answered within 30 min')).toBe('denied');
  expect(JSON.parse(await read)).toEqual({ decision: 'deny', reason: 'nobody answered within 30 min' });
  expect(await requests.deny(request, 'again')).toBe('gone');
  await requests.close();
  expect(hows()).toEqual(['task_blocked', 'denied: nobody answered within 30 min']);
});

test('questions are answered through the same hook', async () => {
  const requests = runtime();
  const questions = [{ question: 'Which db?', options: [{ label: 'pg' }, { label: 'sqlite' }], multiple: false }];
  const { request, read } = asks('1-a', { kind: 'question', tool: 'AskUserQuestion', questions });
  requests.opened(request);
  expect(await requests.answer(request.id, { decision: 'allow' }, OWNER)).toMatchObject({ code: 'invalid' });
  void read.then(() => tells({ kind: 'tool_ended', tool: 'AskUserQuestion' }));
  const answered = await requests.answer(request.id, { answers: { 'Which db?': 'PG' } }, OWNER);
  expect(answered).toMatchObject({ verdict: 'confirmed' });
  expect(JSON.parse(await read)).toEqual({ answers: { 'Which db?': 'pg' } });
});

test('after a restart: the same request under the same name, told once; who waits for nothing is let go', async () => {
  const before = runtime();
  const open = asks('1-a');
  const over = asks('2-b');
  before.opened(open.request);
  before.opened(over.request);
  await before.close();

  const after = runtime();
  after.opened({ ...open.request, id: 'req-1-a' });
  await after.recovered(run_dir);
  expect(await over.read).toBe('');
  expect(after.list()).toMatchObject([{ id: open.request.id }]);
  void open.read.then(() => tells({ kind: 'turn_ended', message: '', background: 0 }));
  expect(await after.answer(open.request.id, { decision: 'allow' }, OWNER)).toMatchObject({ verdict: 'confirmed' });
  await after.close();
  expect(hows()).toEqual(['task_blocked', 'task_blocked', 'ended while nobody watched', 'allowed']);
  expect(readdirSync(join(run_dir, 'answers')).filter((name) => name.endsWith('.blocked'))).toEqual([]);
});
