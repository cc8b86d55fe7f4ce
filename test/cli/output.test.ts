import { afterEach, beforeEach, expect, test } from 'vitest';
import { hintForPeople } from '../../src/cli/hints.ts';
import { painter } from '../../src/cli/paint.ts';
import { coloursWanted } from '../../src/cli/process.ts';
import { safeLine, safeText } from '../../src/cli/safe-text.ts';
import { columns, table } from '../../src/cli/table.ts';
import { parseDuration, relative } from '../../src/cli/time.ts';
import { NOW, tool, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.end());

const ESC = '\u001b';
const TASKS = [
  {
    id: 'fix-login',
    project: 'shop',
    state: 'running',
    title: 'Fix the login',
    priority: 'high',
    attempts: 1,
    runs_on: 'claude',
    queued_at: '2026-11-21T09:00:00Z',
    started_at: '2026-11-21T11:57:00Z',
  },
  {
    id: 'b',
    project: 'yard',
    state: 'failed',
    title: `Evil ${ESC}]0;title\u0007${ESC}[2Jname`,
    priority: 'default',
    attempts: 3,
    reason: 'it hung',
    queued_at: '2026-11-20T11:00:00Z',
    finished_at: '2026-11-20T12:00:00Z',
  },
];

test('a list is aligned, relative in time, and harmless', async () => {
  world.runtime.answer = () => tool({ tasks: TASKS, next_cursor: 'c2' });
  const { out } = await world.yardmaster(['list']);
  expect(out).toBe(
    [
      'STATE    TASK            PRIORITY  ON      CHANGED  TITLE',
      'running  shop/fix-login  high      claude  3m ago   Fix the login',
      'failed   yard/b          default           1d ago   Evil name (it hung)',
      'more: --cursor c2',
      '',
    ].join('\n'),
  );
});

test('--json is exactly what the tool answered', async () => {
  const answer = { tasks: TASKS };
  world.runtime.answer = () => tool(answer);
  const { out } = await world.yardmaster(['list', '--json']);
  expect(out).toBe(`${JSON.stringify(answer)}\n`);
});

test('colour only where it is wanted, and cut to the terminal', async () => {
  world.runtime.answer = () => tool({ tasks: TASKS });
  const { out } = await world.yardmaster(['list'], { colours: true, width: 40 });
  expect(out).toContain(`${ESC}[36mrunning${ESC}[39m`);
  for (const line of out.trimEnd().split('\n')) expect(columns(line)).toBeLessThanOrEqual(40);
});

test.each([
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { TERM: 'dumb' }, false],
  [false, { FORCE_COLOR: '1' }, true],
])('terminal %s with %j: colours %s', (terminal, env, wanted) => {
  expect(coloursWanted(terminal, env)).toBe(wanted);
});

test.each([
  [`${ESC}[31mred${ESC}[0m`, 'red'],
  [`${ESC}]8;;http://evil${ESC}\\link${ESC}]8;;${ESC}\\`, 'link'],
  [`${ESC}]52;c;aGk=\u0007copied`, 'copied'],
  [`a${ESC}Pq#0${ESC}\\b`, 'ab'],
  ['\u009b31mred', 'red'],
  [`unended ${ESC}]0;x`, 'unended '],
  [`lone ${ESC}`, 'lone '],
  ['one\rtwo\bthree\u0007', 'onetwothree'],
  ['lines\r\nand\ttabs\n', 'lines\nand\ttabs\n'],
  ['ab\u202ecd\u2066ef', 'abcdef'],
  ['naïve 日本 🚂', 'naïve 日本 🚂'],
])('%j reaches the terminal as %j', (given, shown) => {
  expect(safeText(given)).toBe(shown);
});

test('a title on one line stays on one line', () => {
  expect(safeLine(' a\n\u2028b\tc ')).toBe('a b c');
});

test('wide characters keep the columns aligned', () => {
  expect(
    table(
      ['A', 'B'],
      [
        ['日本', 'x'],
        ['ab', 'y'],
      ],
    ),
  ).toBe('A     B\n日本  x\nab    y\n');
  expect(table(['A'], [[painter(true)('red', '日本語日本語')]], 6)).toBe(
    `A\n${ESC}[31m日本${ESC}[39m…${ESC}[0m\n`
      .replace(`${ESC}[39m…`, `…`)
      .replace(`${ESC}[31m日本`, `${ESC}[31m日本${ESC}[39m`),
  );
});

test('times', () => {
  expect(relative('2026-11-21T14:30:00Z', NOW)).toBe('in 2h');
  expect(relative(new Date(NOW + 7_199_000).toISOString(), NOW)).toBe('in 2h');
  expect(relative(new Date(NOW + 3_599_000).toISOString(), NOW)).toBe('in 1h');
  expect(relative(new Date(NOW + 40_000).toISOString(), NOW)).toBe('in 40s');
  expect(relative(new Date(NOW - 7_199_000).toISOString(), NOW)).toBe('1h ago');
  expect(relative('rubbish', NOW)).toBe('');
  expect(parseDuration('1h30m', '--x')).toBe(5_400_000);
});

test('a task in full, its result under a line that says so', async () => {
  world.runtime.answer = () =>
    tool({
      tasks: [
        {
          ...TASKS[0],
          state: 'done',
          branch: 'ym/fix',
          next: 'merge it',
          result: { from: 'agent', text: `Fixed${ESC}[2J.\nTwo lines.\n` },
        },
      ],
    });
  const { out } = await world.yardmaster(['show', 'shop/fix-login']);
  expect(out).toMatch(/^shop\/fix-login {2}done {2}Fix the login\n/);
  expect(out).toMatch(/branch +ym\/fix\n/);
  expect(out).toMatch(/\n── result ──\nFixed\.\nTwo lines\.\n$/);
});

test('status shows first what needs a person, in words for people', async () => {
  world.runtime.answer = () =>
    tool({
      needs: [{ what: 'no agent could take b', where: 'yard/b', next: 'why: decide_route {id: "b", project: "yard"}' }],
      counts: { queued: 2, failed: 1 },
      agents: [{ id: 'lint', kind: 'command', status: 'busy', load: 1, max: 2 }],
      providers: [{ id: 'gpu', status: 'available', load: 0, max: 0 }],
      paused: { all: false, projects: ['shop'] },
      projects: [{ name: 'shop', path: '/srv/shop' }],
      converged: true,
      version: '1.2.3',
      home: '/home/ada/.local/state/yardmaster',
    });
  const { out } = await world.yardmaster(['status']);
  expect(out).toBe(
    [
      '1 needs you',
      '  no agent could take b  yard/b',
      '    → why: `yardmaster route yard/b`',
      '',
      '2 queued, 1 failed; paused: shop',
      '',
      'NAME  KIND      STATUS     LOAD',
      'lint  command   busy       1 of 2',
      'gpu   provider  available  0',
      '',
      'PROJECT  PATH',
      'shop     /srv/shop',
      '',
      'yardmaster 1.2.3, /home/ada/.local/state/yardmaster',
      '',
    ].join('\n'),
  );
});

test.each([
  ['job_status {id: "a", project: "shop", wait_seconds: 45}', '`yardmaster wait shop/a`'],
  [
    'read why: job_status {id: "a b", project: "shop", detail: "result"}; then retry_task {id: "a b"}',
    "read why: `yardmaster show 'shop/a b'`; then `yardmaster retry 'a b'`",
  ],
  ['list_tasks shows what there is', '`yardmaster list` shows what there is'],
  ['look at its log', 'look at its log'],
])('the hint %j is for people %j', (hint, shown) => {
  expect(hintForPeople(hint)).toBe(shown);
});

test('a route names the decision, then every rule that spoke', async () => {
  world.runtime.answer = () =>
    tool({
      route: {
        to: 'provider',
        provider: 'gpu',
        ai: 'gemini',
        rules: [{ rule: 'preferred_ai', says: 'gemini is served by gpu' }],
      },
    });
  const { out } = await world.yardmaster(['route', 'shop/a']);
  expect(out).toBe('provider gpu (gemini)\n  preferred_ai  gemini is served by gpu\n');
});

test('events are lines for people, objects for scripts, the oldest first', async () => {
  const head = (seq: number, type: string) => ({ seq, id: `${seq}.1`, at: new Date(NOW - 5_000).toISOString(), type });
  const of = { by: 'runner', project: 'shop', task: 'a', attempt: 2 };
  const entries = [
    { ...head(8, 'usage_recorded'), ...of, agent: 'claude', profile: 'work', tokens: 1200, cost: 0.5, currency: 'USD' },
    { ...head(7, 'task_failed'), ...of, agent: 'claude', error_class: 'timeout', reason: 'it hung' },
    {
      ...head(6, 'quota_warning'),
      by: 'runner',
      of: 'model',
      name: 'opus',
      what: 'daily_tokens',
      used: 80,
      limit: 100,
    },
  ];
  world.runtime.answer = () => ({ result: { entries, newest: 8 } });
  expect((await world.yardmaster(['events'])).out).toBe(
    [
      '11:59:55  quota warning  model opus: daily_tokens  80 of 100\n',
      '11:59:55  task failed  shop/a  attempt 2  claude  timeout  it hung\n',
      '11:59:55  usage recorded  shop/a  attempt 2  claude  1200 tokens, 0.5 USD\n',
    ].join(''),
  );
  const json = entries.toReversed().map((entry) => `${JSON.stringify(entry)}\n`);
  expect((await world.yardmaster(['events', '--json'])).out).toBe(json.join(''));
});

test('events -f goes on after the last one until it is interrupted', async () => {
  const interrupted = new AbortController();
  let seq = 0;
  world.runtime.answer = () => {
    seq++;
    if (seq === 3) interrupted.abort();
    const told = { seq, id: `${seq}.1`, at: new Date(NOW).toISOString(), type: 'noted', by: 'recovery' };
    return { result: { entries: [told], newest: seq } };
  };
  const { out } = await world.yardmaster(['events', '-f'], { signal: interrupted.signal });
  expect(out.match(/noted/g)).toHaveLength(3);
  expect(world.runtime.calls.map(({ params }) => params)).toEqual([
    { order: 'newest', limit: 20 },
    { order: 'oldest', from: 1, limit: 500 },
    { order: 'oldest', from: 2, limit: 500 },
  ]);
});

test('logs -f shows whole lines without escape sequences, even one that came in two parts', async () => {
  const parts = [
    { text: `one\n${ESC}[3`, next: 8, ended: false },
    { text: '1mtwo\n', next: 14, ended: false },
    { text: 'three', next: 19, ended: true },
    { text: '', next: 19, ended: true },
  ];
  world.runtime.answer = ({ params }) => ({
    result: parts.find((_, n) => (parts[n - 1]?.next ?? 0) === params.offset),
  });
  world.runtime.answer = () => ({ result: parts.shift() });
  expect(await world.yardmaster(['logs', 'shop/a', '-f'])).toMatchObject({ code: 0, out: 'one\ntwo\nthree\n' });
  expect(world.runtime.calls.map(({ params }) => params.offset)).toEqual([0, 8, 14, 19]);
});

test('every command explains itself with an example', async () => {
  const { build } = await import('../../src/cli/index.ts');
  const { Cli } = await import('../../src/cli/cli.ts');
  const { out } = await world.yardmaster(['--help']);
  const program = build(new Cli({ env: {} } as never, { version: '1' } as never));
  for (const command of program.commands) {
    expect(out).toContain(`  ${command.name()}`);
    expect((await world.yardmaster([command.name(), '--help'])).out, command.name()).toMatch(/Examples?:/);
  }
});
