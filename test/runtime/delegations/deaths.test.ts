import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delegations } from '../../../src/runtime/delegations/delegations.ts';
import type { DelegationPorts } from '../../../src/runtime/delegations/desk.ts';
import { keyOf } from '../../../src/runtime/model/ids.ts';
import { afterFailure } from '../../../src/runtime/policy/retry.ts';
import type { Provider } from '../../../src/runtime/ports.ts';
import type { Endpoint, Fault, JobService } from '../../fakes/job-service.ts';
import { Death, mortal } from './death.ts';
import { Talks } from './talks.ts';
import { World } from './world.ts';

/*
 * Every way in which a service can misbehave, with a runtime that dies before its first effect and after each one, at
 * services that honour keys and at such that don't. To have died before an effect is to have died after the one before it:
 * the world can't tell them apart.
 */

type Ends = 'done' | 'unconfirmed' | 'upstream';

interface Script {
  readonly at: Endpoint;
  readonly fault: Fault;
  /** Where nobody dies: what it ends as, where keys are honoured and where they are not. */
  readonly ends: readonly [Ends, Ends];
}

const SCRIPTS: Readonly<Record<string, Script>> = {
  'submit: 429 with Retry-After': script('submit', status(429, '60'), 'done'),
  'submit: 503': script('submit', status(503), 'done'),
  'submit: 500': script('submit', status(500), 'done', 'unconfirmed'),
  'submit: 302 to elsewhere': script(
    'submit',
    { kind: 'redirect', to: 'http://169.254.169.254/' },
    'done',
    'unconfirmed',
  ),
  'submit: 308 to elsewhere': script('submit', { kind: 'redirect', to: 'http://10.0.0.1/', code: 308 }, 'upstream'),
  'submit: taken, then dropped': script('submit', { kind: 'drop', accepting: true }, 'done', 'unconfirmed'),
  'submit: dropped': script('submit', { kind: 'drop' }, 'done', 'unconfirmed'),
  'submit: taken, no answer': script('submit', { kind: 'stall', accepting: true }, 'done', 'unconfirmed'),
  'submit: taken, malformed answer': script(
    'submit',
    { kind: 'body', text: '{', accepting: true },
    'done',
    'unconfirmed',
  ),
  'submit: taken, huge answer': script('submit', { kind: 'huge', bytes: 2e5, accepting: true }, 'done', 'unconfirmed'),
  'look: 500': script('status', status(500), 'done'),
  'look: 429': script('status', status(429, '60'), 'done'),
  'look: unknown job, for a moment': script('status', status(404), 'done'),
  'look: malformed': script('status', { kind: 'body', text: '<html>' }, 'done'),
  'look: dropped': script('status', { kind: 'drop' }, 'done'),
  'result: breaks off': script('result', { kind: 'drop' }, 'done'),
  'result: malformed': script('result', { kind: 'body', text: '{"response": 7}' }, 'done'),
  'result: too large': script('result', { kind: 'huge', bytes: 2e5 }, 'upstream'),
};

function script(at: Endpoint, fault: Fault, honoured: Ends, ignored: Ends = honoured): Script {
  return { at, fault, ends: [honoured, ignored] };
}

function status(code: number, retry_after?: string): Fault {
  return { kind: 'status', code, ...(retry_after !== undefined && { retry_after }) };
}

const policy: Partial<DelegationPorts> = {
  afterFailure: (task, failure) =>
    afterFailure(failure, {
      ...{ spent: task.spent, max_attempts: 3, now: 0, fraction: 0.5, backoff: 1_000, backoff_max: 60_000 },
      ...{ before: [], classes: {}, rejected: 0, verify_retries: 2 },
    }),
};

describe('whatever a service does, and wherever the runtime dies', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.make();
  });
  afterEach(() => world.close());

  /** What a dispatcher would do with this task until it has ended. */
  async function carry(runtime: Delegations, id: string): Promise<void> {
    for (let step = 0; step < 100; step++) {
      const task = world.store.tasks.get(keyOf(world.ref(id)));
      if (!task) return;
      if (task.state === 'queued') {
        const claim = world.store.claim(id, { provider: 'far' });
        await runtime.submit(claim.lease, claim.task, claim.bytes);
      }
      await runtime.tick();
      world.clock.time += 30_000;
    }
    throw new Error(`task ${id} does not end`);
  }

  /** The effects that it had before it died, or all of them. */
  async function live(id: string, death: Death, provider: Provider): Promise<number> {
    const [dying, ports] = mortal(world, death, provider);
    const first = world.runtime(
      [dying],
      {},
      { ...policy, ...ports, files: { ...ports.files, sync, syncDir: sync } as never },
    );
    await first.start();
    const claim = world.store.claim(id, { provider: 'far' });
    const life = first.submit(claim.lease, claim.task, claim.bytes).then(() => carry(first, id));
    await Promise.race([life, death.dead]);
    world.bury(first);
    return death.seen.length;
  }

  async function die(id: string, death: Death, make: () => Provider): Promise<{ effects: number; outcome: unknown }> {
    const before = world.store.ends.length;
    const effects = await live(id, death, make());
    // What is left of a marker beside a finished task is taken away by the store (reconcile.ts).
    const recorded = !world.store.tasks.has(keyOf(world.ref(id)));
    const second = world.runtime([make()], {}, { ...policy, files: quick() });
    await second.start();
    await carry(second, id);
    await second.stop();
    const finished = world.store.ends.slice(before).filter(({ end }) => end.kind === 'finished');
    expect(finished).toHaveLength(1); // once, and nothing is lost
    if (!recorded) expect(await world.marker(id)).toBeUndefined();
    const end = finished[0]?.end;
    return { effects, outcome: end?.kind === 'finished' ? end.outcome : undefined };
  }

  const sync = async () => undefined; // power cuts are another story
  const quick = () =>
    ({ ...mortal(world, new Death(1e9, 'after'), new Talks())[1].files, sync, syncDir: sync }) as never;

  function onePerAttempt(service: JobService, said: string): void {
    const keys = [...service.jobs.values()].map(({ key }) => key);
    expect(new Set(keys).size, said).toBe(keys.length);
  }

  for (const honoured of [true, false]) {
    it.each(Object.entries(SCRIPTS))(
      `keys ${honoured ? 'honoured' : 'ignored'}, %s`,
      async (_, { at, fault, ends }) => {
        const service = await world.service('far', { honour_keys: honoured, statuses: ['processing', 'completed'] });
        const provider = world.provider('far', { idempotent_submit: honoured, timeout: 0.06 }, { max_bytes: 100_000 });
        const usual = ends[honoured ? 0 : 1];
        for (let n = 0, died = true; died; n++) {
          service.heal();
          service.jobs.clear();
          service.fault(at, fault);
          const death = deathAfter(n);
          const lived = await die(`t${n}`, death, () => provider);
          died = lived.effects >= n;
          const said = `death after effect ${n} (${death.seen[n - 1]}): ${JSON.stringify(lived.outcome)}`;
          onePerAttempt(service, said);
          const got = lived.outcome as { state: string; error_class?: Ends; job_id?: string };
          const end = got.state === 'done' ? 'done' : got.error_class;
          // A death may hide the fault, or leave the submit in doubt where keys are ignored.
          const allowed: (Ends | undefined)[] = [usual, 'done', ...(honoured ? [] : (['unconfirmed'] as const))];
          expect(allowed, said).toContain(end);
          if (end === 'done') expect(service.jobs.has(got.job_id ?? ''), said).toBe(true);
          if (!died) expect(end, said).toBe(usual); // nobody died
        }
      },
    );
  }

  it('a request of its own is made once per attempt, and tried again', async () => {
    for (let n = 0, died = true; died; n++) {
      const made: Answering[] = [];
      const make = () => {
        const talks = new Answering();
        made.push(talks);
        return talks;
      };
      const lived = await die(`t${n}`, deathAfter(n), make);
      died = lived.effects >= n;
      expect(lived.outcome).toMatchObject({ state: 'done', result: 'Here you are.' });
      const keys = made.flatMap(({ orders }) => orders.map(({ key }) => key));
      expect(new Set(keys).size).toBe(keys.length);
      expect(keys.length).toBeLessThanOrEqual(2);
    }
  });
});

function deathAfter(n: number): Death {
  return n === 0 ? new Death(1, 'before') : new Death(n, 'after');
}

/** Answers at once. */
class Answering extends Talks {
  override readonly id = 'far';
  override async submit(...given: Parameters<Talks['submit']>) {
    const submitted = await super.submit(...given);
    void this.end('talk-1', { kind: 'completed', response: 'Here you are.' });
    return submitted;
  }
}
