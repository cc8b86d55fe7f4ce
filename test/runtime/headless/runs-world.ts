import { appendFile, mkdir, mkdtemp, realpath, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { HeadlessAgent, HeadlessOrder } from '../../../src/runtime/agents/headless.ts';
import type { HeadlessPorts } from '../../../src/runtime/headless/ports.ts';
import { HeadlessRuns } from '../../../src/runtime/headless/runs.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import type { ToldEvent } from '../../../src/runtime/model/event.ts';
import type { TaskRef } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { AgentRoute } from '../../../src/runtime/model/route.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import { runDirOf } from '../../../src/runtime/runs/order.ts';
import type { Following } from '../../../src/runtime/runs/program.ts';
import type { Stop } from '../../../src/runtime/runs/stop.ts';
import type { AgentRequest } from '../../../src/runtime/sessions/attempts/attempt-ports.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { TableAgent } from '../sessions/attempts/attempts-world.ts';
import { lineOf, plainAgent } from './plain-agent.ts';

/* Runs without processes: a test writes what an agent would write, and time stands still. Files and the store are real. */

export async function world(config: unknown = {}) {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'yard-headless-')));
  const clock = new VirtualClock();
  const store = new MemoryStore(clock);
  const files = new DiskFiles({ file: 0o600, dir: 0o700 });
  const project = await store.adoptProject(join(root, 'shop'), 'shop');
  const agent = new TableAgent();
  const orders: HeadlessOrder[] = [];
  const inputs = new Map<string, { text: string; open: boolean }>();
  const watches = new Map<string, (name: string | null) => void>();
  const requests = { opened: [] as AgentRequest[], closed: [] as string[], denied: [] as string[] };
  const stops: Stop[] = [];
  const events: ToldEvent[] = [];
  const state = {
    input: 'stream' as 'none' | 'once' | 'stream',
    writer: undefined as string | undefined,
    profile: { name: 'default' } as ReturnType<HeadlessPorts['profiles']['choose']>,
  };
  const headless: HeadlessAgent = {
    ...plainAgent,
    compose(order) {
      orders.push(order);
      const input = state.input === 'none' ? { kind: state.input } : { kind: state.input, text: `${order.prompt}\n` };
      return {
        argv: ['agent', order.prompt],
        env: { OWN: '1' },
        files: [{ name: 'settings.json', text: '{}' }],
        input,
      };
    },
    request({ text }) {
      const { asks } = JSON.parse(text) as { asks?: string };
      return asks === undefined ? undefined : { tool: asks, input: {} };
    },
  };
  store.record = async (event) => void events.push(event);
  const ports: HeadlessPorts = {
    ...{ home: join(root, 'home'), userHome: join(root, 'person'), store, files, clock, chance: seededChance(7) },
    watcher: {
      watch: (dir, changed) => {
        watches.set(dir, changed);
        return { close: () => void watches.delete(dir) };
      },
    },
    pipes: {
      answer: async () => 'nobody',
      hold: async (path) => {
        const input = { text: '', open: true };
        inputs.set(path, input);
        return {
          write: async (text) => {
            if (!input.open) return 'closed';
            input.text += text;
            return 'written';
          },
          close: async () => {
            input.open = false;
          },
        };
      },
    },
    of: () => Config.parse(config),
    env: { PATH: '/usr/bin', SECRET: 'no' },
    agent: () => agent,
    headless: () => headless,
    profiles: { choose: () => state.profile, failed: async () => ({ rests: true }), used: async () => {} },
    requests: {
      opened: (request) => void requests.opened.push(request),
      closed: (request, how) => void requests.closed.push(`${request.tool}: ${how}`),
      deny: async (request, reason) => {
        requests.denied.push(`${request.tool}: ${reason}`);
        await rm(join(request.run_dir, 'answers', request.report), { force: true });
        return 'denied';
      },
      recovered: async () => {},
    },
    reporter: async () => '/home/reporter.sh',
    leave: async () => state.writer,
    projectName: () => 'shop',
    say: () => {},
  };
  let runs = new HeadlessRuns(ports);
  const following: Following[] = [];
  onTestFinished(async () => {
    await Promise.all(following.map((one) => one.close()));
    runs.stop();
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  });
  const dirOf = (ref: TaskRef, attempt = 1) => runDirOf(ports.home, ref, attempt);
  return {
    ...{ root, clock, store, files, agent, orders, requests, stops, events, state, dirOf },
    get runs() {
      return runs;
    },
    input: (ref: TaskRef, attempt = 1) => inputs.get(join(dirOf(ref, attempt), 'input')),
    async task(spec: TaskSpecInput = {}, body = 'Do it.'): Promise<TaskRef> {
      const parsed = TaskSpec.parse({ title: 'A task', ...spec });
      const [made] = await store.enqueue(
        [
          {
            ...{ project: project.id, spec: parsed, title: 'A task', bytes: Buffer.from(body) },
            ...{ source: 'call' as const, enqueued_by: 'owner' },
          },
        ],
        { by: 'owner' },
      );
      if (!made || isRefusal(made)) throw new Error('not enqueued');
      return made.ref;
    },
    async claim(ref: TaskRef) {
      const route: AgentRoute = { to: 'agent', agent: 'claude', kind: 'headless', model: 'sonnet', rules: [] };
      const claimed = await store.claim(ref, route);
      if (isRefusal(claimed)) throw new Error(claimed.message);
      return { ...claimed, route };
    },
    async prepare(ref: TaskRef) {
      const claimed = await this.claim(ref);
      const dir = dirOf(ref, claimed.lease.attempt);
      const prepared = await runs.prepare(claimed, { dir, cwd: project.path });
      return { ...claimed, dir, prepared };
    },
    /** A task whose agent is at work, as far as anybody can see. */
    async working(spec: TaskSpecInput = {}) {
      const ref = await this.task(spec);
      const { lease, task, dir, prepared } = await this.prepare(ref);
      if (prepared.kind !== 'ready') throw new Error(prepared.reason);
      const follow = () => {
        const one = runs.follow({ task, lease, dir, stop: (stop) => void stops.push(stop) });
        following.push(one);
        return one;
      };
      await store.started(lease);
      const run = { ref, lease, task, dir, follow, following: follow(), name: `shop/${ref.id}` };
      return { ...run, order: prepared.order };
    },
    /** The agent writes to its stream, and the watch hears of it. */
    async tell(dir: string, ...told: object[]) {
      await appendFile(join(dir, 'stdout'), told.map(lineOf).join(''));
      watches.get(dir)?.('stdout');
    },
    async ask(dir: string, tool: string, name = `0001-${tool}`) {
      await mkdir(join(dir, 'hooks'), { recursive: true });
      const { execFileSync } = await import('node:child_process');
      execFileSync('mkfifo', [join(dir, 'answers', name)]);
      const path = join(dir, 'hooks', `${name}.json`);
      await writeFile(path, JSON.stringify({ asks: tool }));
      await utimes(path, clock.now() / 1_000, clock.now() / 1_000);
      watches.get(join(dir, 'hooks'))?.(`${name}.json`);
      return name;
    },
    /** Its conversation, as the agent itself keeps it. */
    async converse(ref: TaskRef, attempt = 1) {
      const order = orders.at(-1);
      const path = agent.transcript({ home: ports.userHome, conversation: order?.conversation ?? '' });
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, await this.prompt(ref, attempt));
    },
    prompt: (ref: TaskRef, attempt = 1) =>
      files.read(join(dirOf(ref, attempt), 'prompt.md')).then((bytes) => Buffer.from(bytes ?? []).toString()),
    /** Time goes on in small steps, or in the given ones, until it is as wanted; files are read meanwhile. */
    async see(wanted: () => unknown, step = 10) {
      for (let tries = 0; ; tries++) {
        try {
          return await wanted();
        } catch (error) {
          if (tries > 1_500) throw error;
        }
        await clock.advance(step);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    restart() {
      runs.stop();
      runs = new HeadlessRuns(ports);
    },
  };
}
