import { realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { processSurroundings } from '../../src/cli/process.ts';
import { completions } from '../../src/methods/complete.ts';
import { methods } from '../../src/methods.ts';
import type { TaskRef } from '../../src/runtime/model/ids.ts';
import { isRefusal } from '../../src/runtime/model/refusal.ts';
import { Desk } from '../tools/desk.ts';
import { type Call, refusal, type Said, tool, World } from './world.ts';

/* The command line in front of a yard in memory: its tools and its methods, as the runtime would call them. */

const ESC = '\u001b';
const ctx = { caller: { principal: 'owner', name: 'owner' } as const, signal: new AbortController().signal };

let world: World;
let desk: Desk;
let build: TaskRef;

beforeEach(async () => {
  desk = new Desk();
  build = await desk.enqueue('build', { title: 'Build it' });
  await desk.run(build);
  desk.yard.sessions.work('shop-main', build);
  world = await World.make();
  world.now = desk.yard.clock.now();
});
afterEach(() => world.end());

const sessions = () => desk.yard.sessions;

/** Runs a command; what it asks the runtime is answered by the yard. */
async function yardmaster(words: string[], given: Parameters<World['yardmaster']>[1] = {}): Promise<Said> {
  world.runtime.answer = (call, socket) => {
    void answer(call).then((reply) => {
      socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: call.id, ...reply })}\n`);
    });
    return undefined;
  };
  return world.yardmaster(words, given);
}

async function answer({ method, params }: Call): Promise<object> {
  if (method === 'tools/call') {
    const told = await desk.ask(String(params.name), params.arguments as object);
    return isRefusal(told) ? refusal(told.message, told.hint) : tool(told);
  }
  const told = await methods[method]?.(desk.yard, params, ctx);
  if (!isRefusal(told)) return { result: told };
  return { error: { code: -32600, message: told.message, data: { hint: told.hint } } };
}

describe('sessions', () => {
  test('is a table that one glance takes in: needs first, each with the command to run', async () => {
    sessions().add('auto-1', { kind: 'autonomous' });
    sessions().change('shop-main', {
      evidence: { from: 'hooks', at: world.now - 90_000 },
      ...{ model: 'opus', context_tokens: 45_300 },
      usage: { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 1.5 },
    });
    sessions().ask('shop-main', { id: 'req-7', input: 'rm -rf build\nmake' });
    expect((await yardmaster(['sessions'])).out).toBe(
      [
        'NAME       KIND        STATE                SEEN        MODEL  CONTEXT  COST   TASK',
        'shop-main  dedicated   blocked: permission  1m (hooks)  opus   45k      $1.50  shop/build build',
        '  asks to use Bash',
        '      rm -rf build',
        '      make',
        '  → `yardmaster approve req-7`, or `yardmaster deny req-7`',
        'auto-1     autonomous  idle',
        '',
      ].join('\n'),
    );
  });

  test('colours by state where colour is wanted, and JSON is what the tool said', async () => {
    sessions().ask('shop-main');
    expect((await yardmaster(['sessions'], { colours: true })).out).toContain(`${ESC}[33mblocked${ESC}[39m`);
    const { out } = await yardmaster(['sessions', '--json']);
    expect(JSON.parse(out)).toMatchObject({ sessions: [{ name: 'shop-main', state: 'blocked' }] });
  });

  test('status opens with what agents ask', async () => {
    const questions = [{ question: 'Which {db}?', options: [{ label: 'pg' }], multiple: false }];
    sessions().ask('shop-main', { id: 'req-8', kind: 'question', questions });
    const { out } = await yardmaster(['status']);
    expect(out).toMatch(/^1 needs you\n {2}the agent of build asks: Which \{db\}\? \(one of: pg\) {2}shop\/build/);
    expect(out).toContain('→ `yardmaster answer req-8`\n');
    expect(out).toContain('sessions: 1 blocked\n');
  });
});

describe('nothing of an agent reaches the terminal raw', () => {
  const EVIL = `a${ESC}]0;title\u0007${ESC}[2J${ESC}P1;2q#0${ESC}\\b\u202e#{pane_id}#(touch x)\u009b31m`;

  test.each([
    ['sessions'],
    ['status'],
    ['read', 'shop-main'],
    ['read', 'shop-main', '-t'],
    ['approve', 'req-1'],
    ['send', 'shop-main', 'x'],
    ['interrupt', 'shop-main'],
    ['profiles'],
  ])('%s %s', async (...words) => {
    const questions = [{ question: EVIL, options: [{ label: EVIL, description: EVIL }], multiple: false }];
    const other = await desk.enqueue('other', { title: EVIL });
    sessions().work('asks', other, { detail: EVIL, next: EVIL, model: EVIL, evidence: { from: EVIL, at: 0 } });
    sessions().ask('asks', { id: 'req-1', tool: EVIL, input: EVIL });
    sessions().ask('asks', { id: 'req-2', kind: 'question', tool: EVIL, input: EVIL, questions });
    sessions().accounts.push({ agent: 'claude', name: 'work', state: 'paused', reason: EVIL });
    for (const from of ['screen', 'transcript']) sessions().texts.set(`shop-main/${from}`, EVIL);
    const { code, out, err } = await yardmaster(words);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(out).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  test('not even what a runtime sends that cleans nothing', async () => {
    const session = { name: EVIL, kind: EVIL, state: EVIL, blocked_on: EVIL, detail: EVIL, model: EVIL, next: EVIL };
    const request = { kind: 'permission', request_id: EVIL, tool: EVIL, input: EVIL, next: EVIL };
    world.runtime.answer = () => tool({ sessions: [{ ...session, requests: [request] }] });
    const { out } = await world.yardmaster(['sessions']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(out).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
  });
});

describe('send', () => {
  test('takes a session or a task, words or stdin', async () => {
    expect((await yardmaster(['send', 'shop-main', 'run', 'the tests'])).out).toBe('delivered shop-main\n');
    expect((await yardmaster(['send', 'shop/build'], { stdin: async () => 'from\na pipe\n' })).code).toBe(0);
    expect((await yardmaster(['send', 'build', '-'], { stdin: async () => 'again' })).code).toBe(0);
    expect(sessions().said.map(({ name, text }) => [name, text])).toEqual([
      ['shop-main', 'run the tests'],
      ['shop-main', 'from\na pipe'],
      ['shop-main', 'again'],
    ]);
  });

  test('a task that was named stays the one that is meant', async () => {
    await yardmaster(['send', 'build', 'x']);
    expect(world.runtime.tools()).toEqual([['message_session', { id: 'build', project: 'shop', text: 'x' }]]);
  });

  test('says what is not known for sure, and why nothing was sent', async () => {
    sessions().confirms = false;
    expect((await yardmaster(['send', 'shop-main', 'x'])).out).toBe(
      'unconfirmed shop-main: the agent has not confirmed it\n  → `yardmaster read shop-main` shows whether it arrived; it is not sent again by itself\n',
    );
    sessions().ask('shop-main');
    expect(await yardmaster(['send', 'shop-main', 'x'])).toMatchObject({ code: 1, out: '' });
    expect(await yardmaster(['send', 'shop-main'], { stdin: async () => '\n' })).toMatchObject({ code: 2 });
    expect(await yardmaster(['send', 'nobody', 'x'])).toMatchObject({
      code: 1,
      err: 'yardmaster: there is no session or task "nobody"\n  sessions: shop-main\n',
    });
  });
});

describe('approve and deny', () => {
  test.each(['req-1', 'shop-main', 'shop/build', 'build'])('the request that is meant by %s', async (given) => {
    sessions().ask('shop-main', { input: 'npm test' });
    const { code, out } = await yardmaster(['approve', given]);
    expect({ code, out }).toEqual({ code: 0, out: 'allowed req-1 Bash: npm test  shop-main\n' });
    expect(sessions().answers).toMatchObject([{ request: 'req-1', answer: { decision: 'allow' } }]);
  });

  test('denies with the reason', async () => {
    sessions().ask('shop-main');
    await yardmaster(['deny', 'req-1', '-r', 'not now']);
    expect(sessions().answers).toMatchObject([{ answer: { decision: 'deny', reason: 'not now' } }]);
  });

  test('what was not named by its own id is shown at a terminal, and asked about', async () => {
    sessions().ask('shop-main', { input: 'rm -rf /' });
    const asked: string[] = [];
    const ask = (word: string) => async (question: string) => {
      asked.push(question);
      return word;
    };
    const no = await yardmaster(['approve', 'shop-main'], { ask: ask('') });
    expect(no).toMatchObject({
      code: 1,
      out: '  asks to use Bash\n      rm -rf /\n',
      err: 'yardmaster: nothing was answered\n',
    });
    expect(sessions().answers).toEqual([]);
    expect((await yardmaster(['approve', 'shop-main'], { ask: ask('y') })).code).toBe(0);
    expect(asked).toEqual(['allow it? [y/N] ', 'allow it? [y/N] ']);
    expect(sessions().answers).toHaveLength(1);
  });

  test('of several requests none is picked, and what is over is said', async () => {
    sessions().ask('shop-main');
    sessions().ask('shop-main');
    expect(await yardmaster(['approve', 'shop-main'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('req-1, req-2'),
    });
    expect(await yardmaster(['approve', 'req-9'])).toMatchObject({
      code: 1,
      err: 'yardmaster: nothing that is open is named "req-9": it was answered, has expired, or never was\n  open: req-1 (shop-main), req-2 (shop-main)\n',
    });
    expect(sessions().answers).toEqual([]);
  });

  test('a question is not approved', async () => {
    const questions = [{ question: 'Which?', options: [], multiple: false }];
    sessions().ask('shop-main', { kind: 'question', questions });
    expect(await yardmaster(['approve', 'req-1'])).toMatchObject({
      code: 1,
      err: 'yardmaster: req-1 has questions: allowing it would leave them unanswered; nothing was answered\n  give answers: "Which?" → any text\n',
    });
  });
});

describe('answer', () => {
  const QUESTIONS = [
    {
      question: 'Which a=b?',
      options: [{ label: 'Postgres', description: 'as now' }, { label: 'SQLite' }],
      multiple: false,
    },
    { question: 'Which days?', options: [{ label: 'Mon' }, { label: 'Tue' }, { label: 'Wed' }], multiple: true },
  ];
  const ask = (questions = QUESTIONS) => sessions().ask('shop-main', { kind: 'question', questions });
  const given = () => sessions().answers.map(({ answer }) => answer);

  test('takes question=answer for each, and an option in the agent’s own spelling', async () => {
    ask();
    expect((await yardmaster(['answer', 'req-1', 'Which a=b?=postgres', 'Which days?=Mon, Tue'])).code).toBe(0);
    expect(given()).toEqual([{ answers: { 'Which a=b?': 'Postgres', 'Which days?': 'Mon, Tue' } }]);
  });

  test('takes the answer alone where there is one question', async () => {
    ask(QUESTIONS.slice(0, 1));
    await yardmaster(['answer', 'shop-main', 'Other:', 'neither', 'of', 'them']);
    expect(given()).toEqual([{ answers: { 'Which a=b?': 'neither of them' } }]);
  });

  test('asks one after the other at a terminal, by number or in words', async () => {
    ask();
    const said = ['2', '1, 3'];
    const { out } = await yardmaster(['answer', 'req-1'], { ask: async () => said.shift() ?? '' });
    expect(out).toMatch(/^Which a=b\?\n {2}1\. Postgres {2}as now\n {2}2\. SQLite\nWhich days\?\n/);
    expect(given()).toEqual([{ answers: { 'Which a=b?': 'SQLite', 'Which days?': 'Mon, Wed' } }]);
    ask(QUESTIONS.slice(0, 1));
    await yardmaster(['answer', 'shop-main'], { ask: async () => 'my own' });
    expect(given()[1]).toEqual({ answers: { 'Which a=b?': 'my own' } });
  });

  test('answers nothing where something is missing or strange', async () => {
    ask();
    expect(await yardmaster(['answer', 'req-1', 'Which days?=Mon'])).toMatchObject({ code: 1 });
    expect(await yardmaster(['answer', 'req-1', 'When?=now', 'Which days?=Mon'])).toMatchObject({ code: 2 });
    expect(await yardmaster(['answer', 'req-1'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('Which a=b?'),
    });
    expect(await yardmaster(['answer', 'req-1'], { ask: async () => '' })).toMatchObject({ code: 2 });
    expect(given()).toEqual([]);
  });

  test('of a permission says what answers it', async () => {
    sessions().ask('shop-main');
    expect(await yardmaster(['answer', 'req-1', 'yes'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('`yardmaster approve req-1`'),
    });
  });
});

describe('attach', () => {
  const COMMAND = ['tmux', '-u', '-L', 'yard', 'attach-session', '-t', '=shop-main'];
  const ask = async () => '';

  async function attach(env: Record<string, string>, socket: string | undefined, words: string[] = []) {
    const handed: (readonly string[])[] = [];
    const said = await yardmaster(['attach', 'shop/build', ...words], {
      ...{ ask, env },
      handOver: async (argv) => {
        handed.push(argv);
        return 0;
      },
      capture: async (argv) => (argv.includes('display-message') ? socket : undefined),
    });
    return { ...said, handed };
  }

  test('hands the terminal to tmux', async () => {
    expect(await attach({}, undefined)).toMatchObject({ code: 0, handed: [COMMAND] });
  });

  test('inside the same server the client is switched', async () => {
    const socket = join(world.dir, 'tmux');
    writeFileSync(socket, '');
    const { handed } = await attach({ TMUX: `${realpathSync(socket)},12,0` }, `${socket}\n`);
    expect(handed).toEqual([['tmux', '-u', '-L', 'yard', 'switch-client', '-t', '=shop-main']]);
  });

  test('inside another server it says what to run', async () => {
    expect(await attach({ TMUX: '/tmp/other,12,0' }, '/tmp/yard\n')).toMatchObject({
      ...{ code: 1, handed: [] },
      err: expect.stringContaining("run: tmux -u -L yard attach-session -t '=shop-main'"),
    });
  });

  test('the server that a real tmux names is compared, and programs are really run', async () => {
    const { capture, handOver } = processSurroundings();
    const socket = join(world.dir, 'real');
    const server = ['tmux', '-u', '-f', '/dev/null', '-S', socket];
    sessions().attach = () => ({ name: 'shop-main', command: [...server, 'attach-session', '-t', '=shop-main'] });
    expect(await handOver([...server, 'new-session', '-d', '-s', 'shop-main'])).toBe(0);
    try {
      const handed: (readonly string[])[] = [];
      const given = {
        ...{ ask, capture, env: { TMUX: `${socket},1,0` } },
        handOver: async (argv: readonly string[]) => {
          handed.push(argv);
          return 0;
        },
      };
      expect((await yardmaster(['attach', 'shop-main'], given)).code).toBe(0);
      expect(handed).toEqual([[...server, 'switch-client', '-t', '=shop-main']]);
    } finally {
      await handOver([...server, 'kill-server']);
    }
    expect(await handOver(['sh', '-c', 'exit 7'])).toBe(7);
    expect(await capture(['sh', '-c', 'exit 1'])).toBeUndefined();
    expect(await capture(['/nowhere'])).toBeUndefined();
  });

  test('--print only prints it, and without a terminal nothing is attached', async () => {
    expect(await attach({}, undefined, ['--print'])).toMatchObject({
      ...{ code: 0, handed: [], out: "tmux -u -L yard attach-session -t '=shop-main'\n" },
    });
    expect(await yardmaster(['attach', 'shop-main'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('terminal'),
    });
    expect(await yardmaster(['attach', 'nobody'])).toMatchObject({ code: 1 });
  });
});

test('interrupt and adopt do what they say, and refuse in words', async () => {
  sessions().add('theirs', { state: 'foreign', managed: false });
  expect((await yardmaster(['interrupt', 'build'])).out).toContain('shop-main');
  expect((await yardmaster(['adopt', 'theirs', '--json'])).out).toContain('"kind":"adopted"');
  expect(sessions().acts).toEqual(['interrupt shop-main', 'adopt theirs']);
  expect(await yardmaster(['adopt', 'shop-main'])).toMatchObject({ code: 1, out: '' });
});

test('profiles are listed, paused for a while, resumed and chosen', async () => {
  const { accounts } = sessions();
  accounts.push({ agent: 'claude', name: 'work', state: 'in_use', config_dir: '/home/a/.claude-work' });
  accounts.push({ agent: 'claude', name: 'home', state: 'ready' });
  expect((await yardmaster(['profiles'])).out).toMatch(/claude +work +in_use +\/home\/a\/.claude-work/);
  expect((await yardmaster(['profiles', 'pause', 'claude', 'work', '-u', '2h', '-r', 'holiday'])).out).toMatch(
    /claude +work +paused +in 2h +holiday/,
  );
  expect(accounts[0]).toMatchObject({ until: world.now + 7_200_000, reason: 'holiday' });
  await yardmaster(['profiles', 'use', 'claude', 'home']);
  await yardmaster(['profiles', 'resume', 'claude', 'work']);
  expect(JSON.parse((await yardmaster(['profiles', 'list', '--json'])).out)).toMatchObject({
    profiles: [{ state: 'ready' }, { state: 'in_use' }],
  });
  expect(await yardmaster(['profiles', 'use', 'claude', 'none'])).toMatchObject({ code: 1 });
  expect(await yardmaster(['profiles', 'pause', 'claude', 'work', '-u', '2020-01-01'])).toMatchObject({ code: 2 });
});

test.each([
  [{}, true, undefined],
  [{ CLAUDECODE: '1' }, false, undefined],
  [{ CLAUDE_CODE_SESSION_ID: 'abc' }, false, 'abc'],
])('who is at the command line is said: %j', async (env, person, claude_session) => {
  await yardmaster(['sessions'], { env });
  expect(world.runtime.hellos.at(-1)).toMatchObject({ person, ...(claude_session && { claude_session }) });
});

test('sessions, tasks at work, open requests and accounts complete where they are meant', async () => {
  sessions().add('theirs', { state: 'foreign', managed: false });
  sessions().accounts.push({ agent: 'claude', name: 'work', state: 'ready' });
  const questions = [{ question: 'Which?', options: [], multiple: false }];
  sessions().ask('shop-main', { id: 'req-1' });
  sessions().ask('shop-main', { id: 'req-2', kind: 'question', questions });
  const offers = async (kind: string, typed = '') =>
    (await completions(desk.yard, { kind, typed })).offers.map(({ value }) => value);
  expect(await offers('places')).toEqual(['shop-main', 'theirs', 'build']);
  expect(await offers('places', 'shop/')).toEqual(['shop/build']);
  expect(await offers('requests')).toEqual(['req-1', 'req-2', 'shop-main']);
  expect(await offers('questions')).toEqual(['req-2']);
  expect(await offers('foreign')).toEqual(['theirs']);
  expect([await offers('accounts'), await offers('profiles')]).toEqual([['claude'], ['work']]);
});
