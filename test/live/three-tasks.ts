import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { blockFor, type ClientName, type Way } from '../../src/cli/clients/clients.ts';
import { render } from '../../src/cli/clients/render.ts';
import { type Settings, type Status, shell, World } from '../stories/world.ts';
import { until } from '../support/world.ts';
import { newest, type Step } from './model/script.ts';

/*
 * The story that every client can tell: three tasks as a group, waited for, read. The runtime dies twice in it: once
 * between two calls, and once under a call that waits.
 */

/** Does a task once somebody opens its gate, and notes that it has begun. */
const GATE =
  'echo "$YARDMASTER_TASK" >> begun; until [ -e open ]; do sleep 0.05; done; echo "$YARDMASTER_TASK is built"';

/** A home with that agent and one project. */
export function gatedWorld(more: Settings = {}): World {
  const world = new World({});
  world.configure({
    allowed_roots: [world.user],
    agents: { gate: { command: shell(GATE), max: 3 } },
    projects: [{ name: 'shop', path: world.project('shop'), shared_checkout: true }],
    headless: { max_running: 3 },
    ...more,
  });
  return world;
}

export interface Story {
  readonly world: World;
  /** What a client calls our tool. */
  named(tool: string): { call: string; space?: string };
  /** Settles when the client has sent this call, for the `n`th time. */
  sent(tool: string, n: number): Promise<void>;
  /** A new runtime, where the way in does not start one by itself. */
  revive?(): Promise<void>;
}

/** The client's side of the story, in turns of its model. */
export function threeTasks({ world, named, sent, revive }: Story): Step[] {
  const die = async () => {
    await world.endRuntime('SIGKILL');
    await revive?.();
  };
  const dieBetween = once(die);
  const dieUnderCall = once(async () => {
    await sent('job_status', 2);
    await die();
    await until(() => world.runtime !== undefined);
    writeFileSync(join(world.user, 'shop', 'open'), '');
  });
  const tasks = ['api', 'page', 'docs'].map((id) => ({ id, body: `Build the ${id}.`, group: 'release' }));
  return [
    () => ({ ...named('enqueue_task'), with: { project: 'shop', tasks } }),
    async (asked) => {
      const answer = newest<{ tasks: object[]; next: string }>(asked);
      expect(answer.tasks).toMatchObject(tasks.map(({ id }) => ({ id, project: 'shop', created: true })));
      expect(answer.next).toContain('job_status {group: "release"');
      await dieBetween();
      return { ...named('job_status'), with: { group: 'release' } };
    },
    async (asked) => {
      expect(newest<Status>(asked).tasks).toHaveLength(3);
      void dieUnderCall();
      return { ...named('job_status'), with: { group: 'release', wait: 'all', wait_seconds: 45 } };
    },
    (asked) => {
      expect(newest<Status>(asked)).toMatchObject({ all_ended: true, counts: { done: 3 } });
      return { ...named('job_status'), with: { group: 'release', detail: 'result' } };
    },
    (asked) => {
      const { tasks: ended } = newest<Status>(asked);
      return {
        say: ended
          .map(({ result }) => result?.text)
          .sort()
          .join('; '),
      };
    },
  ];
}

/** A step that is played again does not kill again. */
function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= act();
    return done;
  };
}

export const TOLD = 'api is built; docs is built; page is built';

/** Each task was begun once, whatever died. */
export function begunOnce(world: World): void {
  const begun = world.read(world.user, 'shop', 'begun').trim().split('\n');
  expect(begun.sort()).toEqual(['api', 'docs', 'page']);
}

/** The program and its surroundings as `yardmaster mcp-config` names them. */
export async function bridgeOf(world: World): Promise<Extract<Way, { kind: 'stdio' }>> {
  const { stdout } = await world.cli(['mcp-config', 'claude']);
  return { kind: 'stdio', env: {}, ...JSON.parse(stdout).mcpServers.yardmaster };
}

/** A client's block with a listener on the line from client to bridge, and what it has heard. */
export async function overheard(world: World, client: ClientName) {
  const bridge = await bridgeOf(world);
  const log = join(world.root, 'sent.log');
  const listener = 'log=$1; shift; tee -a "$log" | "$@"';
  const args = ['-c', listener, 'overheard', log, bridge.command, ...bridge.args];
  return {
    block: render(blockFor(client, { ...bridge, command: 'sh', args })),
    sent: (tool: string, n: number) =>
      until(() => existsSync(log) && readFileSync(log, 'utf8').split(`"name":"${tool}"`).length > n),
  };
}
