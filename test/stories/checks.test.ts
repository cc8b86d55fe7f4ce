import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, type Status, shell, World } from './world.ts';

/*
 * "Done" is what a check says, seen by those who handed the work over. The agent is a command that keeps each of its
 * prompts in its project and then does what the prompt's DO lines say, those after a complaint only when there is one.
 */

const AGENT = `n=$(ls prompt-* 2>/dev/null | wc -l); cp "$1" prompt-$((n + 1))
if grep -q 'a check of the work says that it is not' "$1"; then sed -n 's/^AGAIN //p' "$1" > do.sh; else sed -n 's/^DO //p' "$1" > do.sh; fi
sh do.sh; rm do.sh`;

const world = new World({
  agents: { bot: { command: shell(AGENT), max: 8 } },
  headless: { max_running: 8, grace: '300ms' },
  checks: { built: ['test', '-e', 'built'] },
  verify_timeout: '20s',
});
let client: Client;
let projects = 0;

beforeAll(async () => {
  client = await world.connect();
});
afterAll(() => world.end());

const project = () => world.project(`shop-${++projects}`);
const lines = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []);
const WAITS = `sh -c 'echo run >> runs; while [ ! -e go ]; do sleep 0.05; done'`;

interface Evident {
  readonly evidence?: { readonly verify?: { readonly exit_code?: number }; readonly files_changed?: string[] };
  readonly verified?: string;
  readonly verifying_since?: string;
  readonly structured?: unknown;
  readonly check?: { readonly text: string };
}
type Task = Status['tasks'][number] & Evident;

async function ended(path: string, id: string): Promise<Task> {
  return (await client.ended(path, id)) as Task;
}

describe('verify', () => {
  test('fails once: the complaint reaches the agent, who mends it, and it is done', async () => {
    const path = project();
    const body = 'Build it.\nDO echo I built it.\nAGAIN touch built; echo Now I did.\n';
    const verify = `sh -c 'echo looking for it; test -e built || { echo built is missing >&2; exit 7; }'`;
    const { id } = await client.enqueue(path, body, { verify });
    const task = await ended(path, id);
    expect(task).toMatchObject({ state: 'done', verified: 'passed', attempts: 2, result: { text: 'Now I did.' } });
    expect(task.evidence?.verify?.exit_code).toBe(0);
    const told = world.read(path, 'prompt-2');
    expect(told).toContain('exit code 7');
    expect(told).toContain('looking for it\n\nbuilt is missing');
    expect(world.read(world.queue(path, 'done'), `${id}.md`)).toMatch(
      /^verified: passed\nverify_command: .*\nverify_exit_code: 0$/m,
    );
    const { spent } = (await client.one(path, id, { detail: 'attempts' })).tries ?? {};
    expect(spent ?? 2).toBeLessThanOrEqual(2);
  });

  test('fails twice: it is failed, with what the check and the agent said', async () => {
    const path = project();
    const body = 'Build it.\nDO echo I built it.\nAGAIN echo I really did.\n';
    const { id } = await client.enqueue(path, body, { verify: `sh -c 'echo nothing is there; exit 1'` });
    const task = await ended(path, id);
    expect(task).toMatchObject({ state: 'failed', error_class: 'verify', attempts: 2 });
    expect(task.reason).toContain('ended with exit code 1');
    expect(task.result?.text).toContain('## What the check says\n\nnothing is there');
    expect(task.result?.text).toContain('## What the agent said of its work\n\nI really did.');
    expect(task.evidence?.verify?.exit_code).toBe(1);
  });

  test('takes too long: it is ended, and the work is refused', async () => {
    const own = new World({
      agents: { bot: { command: shell(AGENT) } },
      headless: { grace: '100ms' },
      verify_timeout: '500ms',
      verify_retries: 0,
    });
    try {
      const path = own.project('slow');
      const other = await own.connect();
      const { id } = await other.enqueue(path, 'Now:\nDO echo ok', { verify: 'sleep 600' });
      const task = await other.ended(path, id);
      expect(task).toMatchObject({ state: 'failed', error_class: 'verify' });
      expect(task.reason).toContain('did not end within 500ms');
    } finally {
      await own.end();
    }
  });

  test('that was written into a failed file is not run by another try', async () => {
    const path = project();
    const { id } = await client.enqueue(path, 'Now:\nDO true', { verify: 'false', verify_retries: 0 });
    expect(await ended(path, id)).toMatchObject({ state: 'failed', error_class: 'verify' });
    const file = world.queue(path, 'failed', `${id}.md`);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('verify: "false"', 'verify: "touch"')); // as many bytes as before
    expect(readFileSync(file, 'utf8')).not.toBe(text);
    expect(await client.refused('retry_task', { id, project: path })).toContain('was changed by hand');
  });

  test('that a call can not run is refused at once, with what to do', async () => {
    const refused = await client.refused('enqueue_task', {
      project: project(),
      body: 'x',
      verify: 'npm ci && npm test',
    });
    expect(refused).toContain('is for a shell, and none runs it');
    expect(refused).toContain('checks:');
  });

  test('of a drop names a check of the person’s own', async () => {
    const path = project();
    await client.enqueue(path, 'Now:\nDO true'); // the project is known now
    writeFileSync(world.queue(path, 'inbox', 'named.md'), '---\nverify: built\n---\nNow:\nDO touch built\n');
    await until(() => existsSync(world.queue(path, 'done', 'named.md')), 25_000);
    expect(world.read(world.queue(path, 'done', 'named.md'))).toMatch(
      /^verify_command: test -e built$|^verify_command: "test -e built"$/m,
    );
  });

  test('sees commits and files, and the result names them', async () => {
    const path = project();
    const git = (...args: string[]) => execFileSync('git', ['-C', path, ...args]);
    git('init', '-q');
    git('config', 'user.email', 'a@b');
    git('config', 'user.name', 'a');
    writeFileSync(join(path, 'mine.txt'), 'not in a commit');
    const body = 'Now:\nDO echo x > new.txt; git add new.txt; git commit -q -m new; rm prompt-1; echo done';
    const { id } = await client.enqueue(path, body, { verify: 'git log -1' });
    expect((await ended(path, id)).evidence).toMatchObject({ commits: 1, files_total: 1, files_changed: ['new.txt'] });
  });
});

describe('while it is checked', () => {
  test('the task says so, and the runtime may be killed: the check is not run twice', async () => {
    const path = project();
    const { id } = await client.enqueue(path, 'Now:\nDO echo done', { verify: WAITS });
    await until(() => existsSync(join(path, 'runs')), 20_000);
    expect(((await client.one(path, id)) as Task).verifying_since).toBeDefined();
    await world.endRuntime('SIGKILL');
    const now = await client.one(path, id, { detail: 'attempts' });
    expect(now).toMatchObject({ state: 'running', verifying_since: expect.any(String) });
    writeFileSync(join(path, 'go'), '');
    expect(await ended(path, id)).toMatchObject({ state: 'done', verified: 'passed', attempts: 1 });
    expect(lines(join(path, 'runs'))).toEqual(['run']);
    expect(existsSync(join(path, 'prompt-2'))).toBe(false);
  });

  test('what it prints can be read', async () => {
    const path = project();
    const verify = `sh -c 'echo step one; echo run >> runs; while [ ! -e go ]; do sleep 0.05; done'`;
    const { id } = await client.enqueue(path, 'Now:\nDO echo done', { verify });
    await until(() => existsSync(join(path, 'runs')), 20_000);
    expect(((await client.one(path, id, { detail: 'log' })) as Task).check?.text).toBe('step one\n');
    const { stdout } = await world.cli(['logs', id, '--project', path, '--stream', 'verify']);
    expect(stdout).toBe('step one\n');
    writeFileSync(join(path, 'go'), '');
    await ended(path, id);
  });

  test('a cancel ends the check, and the task', async () => {
    const path = project();
    const { id } = await client.enqueue(path, 'Now:\nDO echo done', { verify: WAITS });
    await until(() => existsSync(join(path, 'runs')), 20_000);
    await client.ask('cancel_task', { id, project: path });
    expect(await ended(path, id)).toMatchObject({ state: 'cancelled' });
    expect(world.processes().filter(({ command }) => command.includes('while [ ! -e go ]'))).toEqual([]);
  });

  test('a cancel that is followed by a kill does as well', async () => {
    const path = project();
    const { id } = await client.enqueue(path, 'Now:\nDO echo done', { verify: WAITS });
    await until(() => existsSync(join(path, 'runs')), 20_000);
    await client.ask('cancel_task', { id, project: path });
    await world.endRuntime('SIGKILL');
    expect(await ended(path, id)).toMatchObject({ state: 'cancelled' });
    await until(() => !world.processes().some(({ command }) => command.includes('while [ ! -e go ]')));
  });
});

describe('result_schema', () => {
  const result_schema = { type: 'object', required: ['names'], properties: { names: { items: { type: 'string' } } } };

  test('is told to the agent; what does not fit comes back once, and what fits is data', async () => {
    const path = project();
    const body = `List them.\nDO echo '{"names": [1]}'\nAGAIN printf 'Here:\\n\\140\\140\\140json\\n{"names": ["a"]}\\n\\140\\140\\140\\n'\n`;
    const { id } = await client.enqueue(path, body, { result_schema });
    const task = await ended(path, id);
    expect(task).toMatchObject({ state: 'done', attempts: 2, structured: { names: ['a'] }, verified: 'unverified' });
    expect(world.read(path, 'prompt-1')).toContain(JSON.stringify(result_schema));
    expect(world.read(path, 'prompt-2')).toContain('- /names/0 is integer, not string');
  });

  test('never fits: it fails, and the answer is kept', async () => {
    const path = project();
    const { id } = await client.enqueue(path, 'Now:\nDO echo no\nAGAIN echo never', { result_schema });
    const task = await ended(path, id);
    expect(task).toMatchObject({ state: 'failed', error_class: 'verify', attempts: 2 });
    expect(task.result?.text).toContain('never');
  });

  test('that is not understood is refused by call and by drop', async () => {
    const path = project();
    const wrong = { type: 'object', unevaluatedProperties: false };
    const refused = await client.refused('enqueue_task', { project: path, body: 'x', result_schema: wrong });
    expect(refused).toContain('the keyword \\"unevaluatedProperties\\" is not understood');
    await client.enqueue(path, 'Now:\nDO true');
    writeFileSync(world.queue(path, 'inbox', 'odd.md'), '---\nresult_schema: { tpe: object }\n---\nNow:\nDO true\n');
    await until(() => existsSync(world.queue(path, 'failed', 'odd.md')), 25_000);
    expect(world.read(world.queue(path, 'failed', 'odd.md'))).toContain('the keyword "tpe" is not understood');
  });
});
