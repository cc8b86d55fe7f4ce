import { expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { Away, PROVIDERS } from './away.ts';
import { bringTo, MOMENTS } from './held.ts';
import { someOf } from './seed.ts';

const CANCEL = '/api/v1/jobs/{id}/cancel';
const FIND = '/api/v1/jobs?idempotency_key={key}';

/** Cancels at each moment of a delegation; `kill`: and the runtime dies when it has answered. */
async function cancelAtEachMoment(provider: Record<string, unknown>, kill: boolean): Promise<[Away, string[]]> {
  const away = await Away.open({ provider: { timeout: kill ? '60s' : '2s', ...provider } });
  const wrong: string[] = [];
  for (const moment of MOMENTS) {
    wrong.push(...(await bringTo(away, moment)));
    for (const name of PROVIDERS) {
      const id = `${moment.name}-${name}`;
      away.expect(id, 'cancelled');
      await away.cancel(id);
    }
    if (kill) await away.kill();
  }
  wrong.push(...(await cancelWhileWaiting(away)));
  return [away, [...wrong, ...(await away.wrong())]];
}

/** Put back to the queue by the provider's own word: nothing of it is upstream, and nothing goes there any more. */
async function cancelWhileWaiting(away: Away): Promise<string[]> {
  const id = 'waiting';
  await away.services.keyed.tell({
    fault: ['submit', { kind: 'status', code: 429, retry_after: '3' }, 1, `Task: ${id}.md`],
  });
  await away.send('keyed', id, { expected: 'cancelled' });
  await away.asked('keyed', 'submit', id);
  await until(async () => (await away.state(id)) === 'queued', 20_000);
  await away.cancel(id);
  const jobs = await away.jobsOf('keyed', id);
  return jobs.length === 0 ? [] : ['a task that was cancelled while it waited has a job'];
}

/** Jobs of cancelled tasks that go on upstream. */
async function going(away: Away): Promise<string[]> {
  const all = await Promise.all(PROVIDERS.map((name) => away.services[name].tell()));
  return all.flatMap(({ jobs }) => jobs.filter(({ says }) => says !== 'cancelled').map(({ prompt }) => prompt));
}

const ABLE = { paths: { cancel: CANCEL, find: FIND } };
const WAYS = [
  ['a service that can cancel; its runtime is killed', ABLE, true],
  ['a service that cannot; its runtime is killed', {}, true],
  ['a service that can cancel', ABLE, false],
  ['a service that cannot', {}, false],
] as const;

test.each(someOf(WAYS))(
  'a cancel holds at every moment of a delegation to %s',
  { timeout: 300_000 },
  async (_, provider, kill) => {
    const [away, wrong] = await cancelAtEachMoment(provider, kill);
    try {
      expect(wrong).toEqual([]);
      if (provider === ABLE) expect(await going(away)).toEqual([]);
    } finally {
      await away.close();
    }
  },
);
