import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { buildOf, type Ear, listen, listenOverHttp, type Step } from './ear.ts';
import { type Accepted, type Era, type Status, shell, World } from './world.ts';

let world: World | undefined;
const ears: Ear[] = [];

/** One agent that works until a file of the task's name is there. */
function here(): World {
  world = new World();
  const waits = `until [ -e ${join(world.root, 'go')}-$YARDMASTER_TASK ]; do sleep 0.05; done; echo done`;
  world.configure({ http: { port: 0 }, agents: { slow: { command: shell(waits), max: 2 } } });
  return world;
}

const go = (at: World, id: string) => writeFileSync(join(at.root, `go-${id}`), '');

async function keep(opening: Promise<Ear>): Promise<Ear> {
  const one = await opening;
  ears.push(one);
  return one;
}

const ear = (at: World, era: Era, options?: Parameters<typeof listen>[2]) => keep(listen(at, era, options));

afterEach(async () => {
  await Promise.all(ears.splice(0).map((one) => one.close()));
  await world?.end();
  world = undefined;
}, 30_000);

const enqueue = (one: Ear, project: string, id: string) =>
  one.call<Accepted>('enqueue_task', { project, id, title: id, body: 'Work.', group: 'all' });

describe.each<[string, (at: World) => Promise<Ear>]>([
  ['the older era over stdio', (at) => listen(at, 'old')],
  ['the newer era over stdio', (at) => listen(at, 'new')],
  ['the oldest over HTTP+SSE', (at) => listenOverHttp(at, 'sse')],
  ['the older era over HTTP', (at) => listenOverHttp(at, 'old')],
  ['the newer era over HTTP', (at) => listenOverHttp(at, 'new')],
])('a client of %s', (_name, open) => {
  test('hears of a task’s way, of a project that came, and how far a wait has come', { timeout: 60_000 }, async () => {
    const at = here();
    await at.start();
    const one = await keep(open(at));
    expect(await one.resources()).not.toContain('queue://shop/inbox');
    for (const uri of ['queue://inbox', 'queue://shop/done', 'task://shop/first', 'events://recent']) {
      await one.subscribe(uri);
    }
    await enqueue(one, at.project('shop'), 'first');
    await until(() => one.heard.includes('list') && one.heard.includes('task://shop/first'));
    expect(await one.resources()).toContain('queue://shop/inbox');
    expect(one.heard).not.toContain('queue://shop/done');
    const steps: Step[] = [];
    const wait = one.call<Status>('job_status', { id: 'first', wait_seconds: 45 }, steps);
    await until(() => steps.some(({ message }) => message?.includes('first running')));
    go(at, 'first');
    expect(await wait).toMatchObject({ all_ended: true });
    await until(() => one.heard.includes('queue://shop/done'));
    expect(one.heard).toContain('queue://inbox');
    expect(one.heard).toContain('events://recent');
  });
});

describe.each<{ era: Era }>([{ era: 'old' }, { era: 'new' }])('a client of the $era era', ({ era }) => {
  test('gets prompts with the yard’s data beside the text, and completions for them', async () => {
    const at = here();
    const one = await ear(at, era);
    await enqueue(one, at.project('shop'), 'first');
    expect(await one.prompts()).toEqual(['standup', 'triage', 'plan']);
    expect(await one.complete('plan', 'project', 'sh')).toEqual(['shop']);
    const [text, ...data] = await one.prompt('plan', { goal: 'Make it fast.', project: 'shop' });
    expect(text?.content).toMatchObject({ type: 'text', text: expect.stringContaining('Make it fast.') });
    expect(data.map(({ content }) => content)).toMatchObject([
      { type: 'resource', resource: { uri: 'yardmaster://fleet_status', mimeType: 'application/json' } },
      { type: 'resource', resource: { uri: 'queue://shop/inbox', text: expect.stringContaining('first') } },
    ]);
    await expect(one.prompt('plan', { project: 'shop' })).rejects.toThrow(/plan needs goal: what is to be reached/);
    await expect(one.prompt('standup', { projekt: 'shop' })).rejects.toThrow(/has no argument projekt; it has project/);
    await expect(one.prompt('stand')).rejects.toThrow(/There is no prompt stand/);
    go(at, 'first');
  });

  test('hears how far a wait has come, also when the runtime is killed in the middle', {
    timeout: 90_000,
  }, async () => {
    const at = here();
    const one = await ear(at, era);
    const project = at.project('shop');
    for (const id of ['a', 'b']) await enqueue(one, project, id);
    const steps: Step[] = [];
    const wait = one.call<Status>('job_status', { group: 'all', wait_seconds: 45 }, steps);
    await until(() => steps.some(({ message }) => message?.includes('running')));
    go(at, 'a');
    await until(() => steps.some(({ message }) => message?.startsWith('1 of 2 done')));
    const before = steps.length;
    await at.endRuntime('SIGKILL');
    await until(() => steps.length > before); // from the next runtime
    go(at, 'b');
    expect(await wait).toMatchObject({ all_ended: true, counts: { done: 2 } });
    const values = steps.map(({ progress }) => progress);
    expect(values).toEqual([...new Set(values)].sort((x, y) => x - y));
    expect(steps.every(({ total }) => total === 2)).toBe(true);
    const told = steps.length;
    await one.call('fleet_status');
    expect(steps).toHaveLength(told); // nothing after the answer
  });

  test('keeps its calls and subscriptions when a newer version takes the home over', { timeout: 120_000 }, async () => {
    const at = here();
    const project = at.project('shop');
    const one = await ear(at, era, { main: buildOf(at, '0.1.7') });
    await enqueue(one, project, 'a');
    await one.subscribe('task://shop/a');
    await one.subscribe('task://shop/b');
    const wait = one.call<Status>('job_status', { id: 'a', wait_seconds: 45 });
    const older = at.runtime;
    expect(await one.call('fleet_status')).toMatchObject({ version: '0.1.7' });

    const newer = await ear(at, 'new', { main: buildOf(at, '0.2.0') });
    const enqueued = Array.from({ length: 10 }, (_, i) => enqueue(one, project, `during-${i}`));
    expect(await newer.call('fleet_status')).toMatchObject({ version: '0.2.0' });
    expect(await one.call('fleet_status')).toMatchObject({ version: '0.2.0' }); // an older bridge at a newer runtime
    expect(at.runtime).not.toBe(older);
    expect((await Promise.all(enqueued)).map(({ created }) => created)).toEqual(Array(10).fill(true));
    const count = one.heard.filter((uri) => uri === 'task://shop/a').length;
    expect(count).toBeGreaterThan(0); // it may have changed meanwhile
    go(at, 'a');
    expect(await wait).toMatchObject({ all_ended: true, counts: { done: 1 } });
    await enqueue(newer, project, 'b');
    const told = one.heard.filter((uri) => uri === 'task://shop/b').length;
    await until(() => one.heard.filter((uri) => uri === 'task://shop/b').length > told);
    for (let i = 0; i < 10; i += 1) go(at, `during-${i}`);
    go(at, 'b');
    await newer.call('job_status', { group: 'all', wait_seconds: 45 });
  });
});

test('a runtime inside a client’s process makes room for nobody; the newer bridge carries bytes to it', {
  timeout: 60_000,
}, async () => {
  const at = here();
  const one = await ear(at, 'new', { main: buildOf(at, '0.1.7'), args: ['mcp', '--embedded'] });
  await one.call('fleet_status');
  const two = await ear(at, 'old', { main: buildOf(at, '0.2.0') });
  expect(await two.call('fleet_status')).toMatchObject({ version: '0.1.7' });
  await enqueue(two, at.project('shop'), 'a');
  go(at, 'a');
  expect(await one.call('job_status', { id: 'a', wait_seconds: 45 })).toMatchObject({ all_ended: true });
  expect(at.runtime).toBe(one.pid);
});
