import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FleetAgent } from '../../src/runtime/model/fleet.ts';
import type { Route } from '../../src/runtime/model/route.ts';
import { RouteWorld, type Weather } from './route-world.ts';

/* `ROUTES_SEED=7 npx vitest run test/tools/routes` draws the same tasks again. */
const seed = Number(process.env.ROUTES_SEED ?? Date.now() % 1_000_000);
const TASKS = 1_000;

const world = new RouteWorld();
beforeAll(() => world.start());
afterAll(() => world.end());

const some = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
/** Each of them stops or turns a route: often together they would leave few that go anywhere. */
const rarely = <T>(value: T) =>
  fc.oneof({ weight: 14, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant(value) });
const clean = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));

const keys = fc
  .record({
    priority: some('critical', 'high', 'default', 'low'),
    needs_claude_code: fc.constantFrom(undefined, undefined, undefined, undefined, true, false),
    preferred_ai: some('claude-code', 'auto', 'alpha', 'beta', 'gemini', 'gpu', 'claude-api', 'worker', 'unheard-of'),
    allow_delegation: fc.constantFrom(undefined, undefined, true, true, false),
    complexity_hint: some('simple', 'moderate', 'complex'),
    agent: rarely('worker'),
    mode: fc.constantFrom(undefined, undefined, undefined, undefined, 'session', 'headless'),
    include: rarely(['src/**']),
    apply: rarely('worktree'),
    verify: rarely('npm test'),
    result_schema: rarely({ type: 'object' }),
    model: rarely('opus'),
    requires: rarely(['lint']),
    depends_on: rarely(['not-there-yet']),
    not_before: rarely('2099-01-01T00:00:00Z'),
  })
  .map(clean);

const claude: FleetAgent = {
  ...{ id: 'claude', kind: 'headless', program: 'claude', capabilities: [], status: 'available', load: 0, max: 2 },
  takes_model: true,
};
const seat: FleetAgent = { ...claude, id: 'auto-1', kind: 'session', max: 1 };
const weather: fc.Arbitrary<Weather> = fc
  .record({
    providers: fc.constantFrom(['alpha', 'beta'], ['alpha', 'beta'], ['alpha', 'beta'], ['beta'], []),
    away: fc.constantFrom([], [], [], ['alpha'], ['alpha', 'beta']),
    full: fc.constantFrom([], [], [], ['beta'], ['worker'], ['alpha', 'beta', 'worker']),
    spent: fc.constantFrom([], [], [], ['alpha'], ['worker', 'claude'], ['beta', 'auto-1']),
    default_provider: some('alpha', 'beta'),
    agents: fc.constantFrom([], [claude], [claude, seat], [{ ...claude, status: 'offline' as const }]),
    paused: rarely(true).map((paused) => paused === true),
  })
  .map((drawn) => clean(drawn) as unknown as Weather);

test(`where the dispatcher takes a task is where decide_route said, for ${TASKS} tasks (seed ${seed})`, async () => {
  const drawn = fc.sample(fc.tuple(weather, keys), { numRuns: TASKS, seed });
  const seen = new Map<string, number>();
  for (const [n, [now, wanted]] of drawn.entries()) {
    const id = `t-${n}`;
    const about = `seed ${seed}, task ${n}: ${JSON.stringify({ wanted, now })}`;
    await world.turn(now);
    const said = await world.ask(wanted);
    const { took, refused } = await world.run(id, wanted);
    if (said.to === 'agent' || said.to === 'provider') expect(took, about).toEqual(said);
    else expect(took, about).toBeUndefined();
    expect(refused !== undefined, about).toBe(said.to === 'refuse');
    if (said.to === 'wait') {
      expect(plain(await world.ask({ id })), about).toEqual(plain(said));
      expect(world.waitingOf(id), about).toMatchObject({ reason: said.reason, detail: said.detail });
    }
    seen.set(kind(said), (seen.get(kind(said)) ?? 0) + 1);
    await world.away(id);
  }
  // A set in which everything goes the same way would show nothing.
  for (const one of ['agent', 'provider', 'no_free_agent', 'no_eligible_agent', 'refuse', 'allowance'])
    expect(seen.get(one) ?? 0, `${one} among ${JSON.stringify([...seen])}`).toBeGreaterThan(25);
}, 240_000);

function kind(route: Route): string {
  return route.to === 'wait' ? route.reason : route.to;
}

/** Times go on between two questions. */
function plain(route: Route): unknown {
  return JSON.parse(JSON.stringify(route).replaceAll(/"until":\d+/g, '"until":0'));
}
