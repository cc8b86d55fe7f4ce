import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, type Era, World } from './world.ts';

/* Programs of somebody's own that ask for tasks, as processes of their own and on real bridges. */

const WORKER = ['mcp', '--toolset', 'worker'];
const repository = fileURLToPath(new URL('../../', import.meta.url));
const main = join(repository, 'dist/main.js');

interface Given {
  readonly id: string;
  readonly project: string;
  readonly attempt: number;
  readonly token: string;
  readonly body: string;
  readonly cwd?: string;
}
interface Word {
  readonly id: string;
  readonly go_on: boolean;
  readonly cancel?: string;
  readonly gone?: string;
}

/** A worker in this process, on a bridge of its own. */
class Worker {
  readonly client: Client;
  readonly name: string;
  key = '';

  constructor(client: Client, name: string) {
    this.client = client;
    this.name = name;
  }

  static async on(world: World, name: string, more: object = {}, era: Era = 'new'): Promise<Worker> {
    const worker = new Worker(await world.connect(era, WORKER), name);
    await worker.register(more);
    return worker;
  }

  async register(more: object = {}): Promise<{ held?: Given[] }> {
    const answer = await this.client.ask<{ key: string; held?: Given[] }>('register_worker', {
      name: this.name,
      ...more,
    });
    this.key = answer.key;
    return answer;
  }

  async claim(wait_seconds = 20): Promise<Given | null> {
    const { task } = await this.client.ask<{ task: Given | null }>('claim_task', { ...this.who, wait_seconds });
    return task;
  }

  async claimed(): Promise<Given> {
    const task = await this.claim();
    if (task === null) throw new Error('there was no task');
    return task;
  }

  async beat(...tasks: Given[]): Promise<Word[]> {
    const { tasks: words } = await this.client.ask<{ tasks: Word[] }>('heartbeat', {
      ...this.who,
      tasks: tasks.map(held),
    });
    return words;
  }

  complete(task: Given, result: string, more: object = {}) {
    return this.client.ask<{ state: string; note: string }>('complete_task', { ...held(task), result, ...more });
  }

  get who() {
    return { worker: this.name, key: this.key };
  }
}

function held({ id, project, attempt, token }: Given) {
  return { id, project, attempt, token };
}

/** The client of README.md as a program, with this instead of its work. */
function example(world: World, name: string, work: string): ChildProcess {
  const readme = readFileSync(join(repository, 'README.md'), 'utf8');
  const code = /```js\n(\/\/ worker\.mjs[\s\S]*?)```/.exec(readme)?.[1];
  if (code === undefined) throw new Error('README.md has no example of a worker');
  const file = join(world.root, `${name}.mjs`);
  writeFileSync(file, code.replace("'upper-1'", JSON.stringify(name)).replace('return task.body.toUpperCase();', work));
  const bin = join(world.bin, 'yardmaster');
  writeFileSync(bin, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  chmodSync(bin, 0o755);
  try {
    symlinkSync(join(repository, 'node_modules'), join(world.root, 'node_modules'));
  } catch {
    // an earlier worker of this world made it
  }
  return spawn(process.execPath, [file], { env: world.env, cwd: world.root, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** `exec` makes the shell the bridge. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

async function line(child: ChildProcess): Promise<string> {
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  await until(() => said.includes('\n'), 20_000);
  return said;
}

describe('an outside worker', () => {
  let world: World;
  afterEach(() => world.end());

  it('takes a task and brings the result', async () => {
    world = new World({});
    const shop = world.project('shop');
    const owner = await world.connect();
    const child = example(world, 'loud', 'return task.body.toUpperCase();');
    const { id } = await owner.enqueue(shop, 'say hello', { agent: 'loud' });
    const done = await owner.ended(shop, id);
    child.kill('SIGKILL');
    expect(done).toMatchObject({ state: 'done', verified: 'unverified' });
    expect(done.result?.text).toContain('SAY HELLO');
  }, 60_000);

  it('dies: its task goes to another one exactly once, and its late report changes nothing', async () => {
    world = new World({ workers: { ttl: '3s' } });
    const shop = world.project('shop');
    const owner = await world.connect();
    const child = example(world, 'mortal', 'console.log(JSON.stringify(task));\nawait new Promise(() => {});');
    const { id } = await owner.enqueue(shop, 'translate this', { requires: [] });
    const given = JSON.parse(await line(child)) as Given;
    expect(given).toMatchObject({ id, attempt: 1 });
    const other = await Worker.on(world, 'heir', {}, 'old');
    const waiting = other.claimed();

    const bridges = childrenOf(child.pid ?? 0);
    expect(bridges).toHaveLength(1);
    for (const pid of [child.pid ?? 0, ...bridges]) process.kill(pid, 'SIGKILL');
    const heir = await waiting;
    expect(heir).toMatchObject({ id, attempt: 2 });
    expect(heir.token).not.toBe(given.token);

    const late = await other.client.refused('complete_task', { ...held(given), result: 'too late' });
    expect(late).toContain('stale');
    expect(await owner.one(shop, id)).toMatchObject({ state: 'running' });
    expect(await other.complete(heir, 'traduit')).toMatchObject({ state: 'done' });
    expect((await owner.ended(shop, id)).result?.text).toContain('traduit');

    const refused = await world.events<{ type: string; attempt: number }>('report_refused');
    expect(refused.map(({ attempt }) => attempt)).toEqual([1]);
    expect(await world.events('worker_left')).toMatchObject([{ name: 'mortal', why: 'silent' }]);
    expect(await world.events('task_claimed')).toHaveLength(2);
    expect(await world.events('task_finished')).toHaveLength(1);
    const { agents } = await owner.ask<{ agents: { id: string; status: string }[] }>('fleet_status');
    expect(agents.find((agent) => agent.id === 'mortal')).toMatchObject({ status: 'offline' });
  }, 90_000);

  it('does not notice that the runtime is killed: its task stays its own, and a call that waits gets its answer', async () => {
    world = new World({ workers: { ttl: '20s' } });
    const shop = world.project('shop');
    const owner = await world.connect();
    const worker = await Worker.on(world, 'steady', { max: 2 });
    const first = await owner.enqueue(shop, 'one');
    const one = await worker.claimed();
    expect(one.id).toBe(first.id);
    const waiting = worker.claimed();
    await world.endRuntime('SIGKILL');
    expect(await worker.beat(one)).toMatchObject([{ id: one.id, go_on: true }]);
    const second = await owner.enqueue(shop, 'two');
    const two = await waiting;
    expect(two).toMatchObject({ id: second.id, attempt: 1 });
    await world.endRuntime('SIGKILL');
    expect(await worker.complete(two, 'b')).toMatchObject({ state: 'done' });
    expect(await worker.complete(one, 'a')).toMatchObject({ state: 'done' });
    expect(await world.events('task_claimed')).toHaveLength(2);
    expect(await world.events('worker_left')).toEqual([]);
  }, 90_000);

  it('dies together with the runtime: its task goes to another one, once', async () => {
    world = new World({ workers: { ttl: '3s' } });
    const shop = world.project('shop');
    const owner = await world.connect();
    const dead = await Worker.on(world, 'dead');
    const { id } = await owner.enqueue(shop, 'translate this');
    const given = await dead.claimed();
    await world.endRuntime('SIGKILL');
    await dead.client.close();
    const other = await Worker.on(world, 'heir');
    const heir = await other.claimed();
    expect(heir).toMatchObject({ id, attempt: 2 });
    expect(await other.client.refused('complete_task', { ...held(given), result: 'late' })).toContain('stale');
    expect(await other.complete(heir, 'done')).toMatchObject({ state: 'done' });
    expect(await world.events('task_finished')).toHaveLength(1);
  }, 90_000);

  it('hears of a cancelled task with its heartbeat, and says that it has stopped', async () => {
    world = new World({});
    const shop = world.project('shop');
    const owner = await world.connect();
    const worker = await Worker.on(world, 'polite', {}, 'old');
    const { id } = await owner.enqueue(shop, 'for ever');
    const task = await worker.claimed();
    await owner.ask('cancel_task', { id, project: shop, reason: 'not needed' });
    expect(await worker.beat(task)).toMatchObject([{ go_on: false, cancel: 'not needed' }]);
    const said = await worker.client.ask('fail_task', { ...held(task), reason: 'stopped', class: 'stopped' });
    expect(said).toMatchObject({ state: 'cancelled' });
    expect(await worker.beat(task)).toMatchObject([{ go_on: false, gone: expect.any(String) }]);
  }, 60_000);

  it('works in a folder of this machine, and its work is checked', async () => {
    world = new World({ workers: { ttl: '20s' } });
    const shop = world.project('shop');
    const owner = await world.connect();
    const worker = await Worker.on(world, 'hands', { files: true });
    const { id } = await owner.enqueue(shop, 'make it so', { verify: 'test -f made', verify_retries: 1 });
    const first = await worker.claimed();
    expect(first.cwd).toBe(shop);
    expect(await worker.complete(first, 'it is made')).toMatchObject({ state: 'queued' });
    const second = await worker.claimed();
    expect(second.body).toContain('a check of the work says that it is not');
    writeFileSync(join(shop, 'made'), '');
    expect(await worker.complete(second, 'now it is')).toMatchObject({ state: 'done' });
    expect(await owner.ended(shop, id)).toMatchObject({ state: 'done', verified: 'passed' });
  }, 90_000);

  it('does not keep the runtime from stopping, nor wakes it again', async () => {
    world = new World({ shutdown: { wait: '20s' } });
    const owner = await world.connect();
    const worker = await Worker.on(world, 'idle');
    const waiting = worker.claim(40);
    await until(async () => JSON.stringify(await owner.ask('fleet_status')).includes('idle'));
    const began = Date.now();
    const { code } = await world.cli(['stop']);
    expect(code).toBe(0);
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(await waiting).toBeNull();
    const again = worker.claim(20);
    expect(world.runtime).toBeUndefined();
    const shop = world.project('shop');
    const { id } = await owner.enqueue(shop, 'hello'); // somebody else starts it
    expect(await again).toMatchObject({ id });
  }, 90_000);

  it('is offered the six tools of workers and nothing else; an unknown toolset is refused', async () => {
    world = new World({});
    const worker = await world.connect('new', WORKER);
    const six = ['claim_task', 'complete_task', 'deregister_worker', 'fail_task', 'heartbeat', 'register_worker'];
    expect((await worker.tools()).sort()).toEqual(six);
    expect((await (await world.connect()).tools()).filter((name) => six.includes(name))).toEqual([]);
    const wrong = await world.cli(['mcp', '--toolset', 'wrong']);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('There is no toolset "wrong": default or worker.');
  }, 60_000);
});
