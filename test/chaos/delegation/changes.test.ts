import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Away, PROVIDERS } from './away.ts';
import { bringTo } from './held.ts';
import { LONG } from './seed.ts';

const running = ['processing'] as const;

test('jobs outlast a provider that leaves the configuration and comes back, and a kill in between', {
  timeout: 120_000,
}, async () => {
  const away = await Away.open();
  try {
    for (const name of PROVIDERS) {
      await away.services[name].tell({ plan: [`Task: stays-${name}.md`, running] });
      await away.send(name, `stays-${name}`);
      await away.asked(name, 'status', `stays-${name}`);
    }
    let before: Record<string, Record<string, unknown>> = {};
    await away.configure(
      ({ delegation }) => {
        before = delegation.providers;
        delegation.providers = {};
      },
      ({ providers }) => providers.length === 0,
    );
    await away.kill();
    for (const name of PROVIDERS) expect(await away.state(`stays-${name}`)).toBe('running');
    for (const name of PROVIDERS) await away.services[name].tell({ settle: ['job-1', 'completed'] });
    await away.configure(
      ({ delegation }) => {
        delegation.providers = before;
      },
      ({ providers }) => providers.length === 2,
    );
    expect(await away.wrong()).toEqual([]);
  } finally {
    await away.close();
  }
});

test.runIf(LONG > 0)(
  'jobs outlast an address that is wrong for a while: nothing is sent anywhere else',
  {
    timeout: 120_000,
  },
  async () => {
    const away = await Away.open();
    try {
      await away.services.plain.tell({ plan: ['Task: moved.md', running] });
      await away.send('plain', 'moved');
      await away.asked('plain', 'status', 'moved');
      const address =
        (url: string) => (config: { delegation: { providers: Record<string, Record<string, unknown>> } }) => {
          config.delegation.providers.plain = { ...config.delegation.providers.plain, base_url: url };
        };
      await away.configure(address(away.services.keyed.url), () => true);
      await sleep(1_000); // some looks at the wrong service, which knows no such job
      await away.kill();
      expect(await away.state('moved')).toBe('running');
      await away.services.plain.tell({ settle: ['job-1', 'completed'] });
      await away.configure(address(away.services.plain.url), () => true);
      expect(await away.wrong()).toEqual([]);
    } finally {
      await away.close();
    }
  },
);

test('a submit in doubt waits while nothing may leave, and goes on afterwards as one job', {
  timeout: 120_000,
}, async () => {
  const away = await Away.open({ provider: { timeout: '60s' } });
  try {
    const doubt = { name: 'doubt', endpoint: 'submit', fault: { kind: 'stall', accepting: true } } as const;
    expect(await bringTo(away, doubt, ['keyed'])).toEqual([]);
    await away.configure(
      (config) => {
        config.local_only = true;
      },
      ({ local_only }) => local_only === true,
    );
    await away.kill();
    expect(await away.state('doubt-keyed')).toBe('running');
    await sleep(1_000);
    expect((await away.services.keyed.tell()).heard).toHaveLength(1);
    expect(existsSync(away.marker('doubt-keyed'))).toBe(true);
    await away.configure(
      (config) => {
        config.local_only = false;
      },
      ({ local_only }) => local_only !== true,
    );
    expect(await away.wrong()).toEqual([]);
    expect(await away.jobsOf('keyed', 'doubt-keyed')).toHaveLength(1);
  } finally {
    await away.close();
  }
});
