import { expect, test } from 'vitest';
import { Away } from './away.ts';
import { bringTo, MOMENTS } from './held.ts';

test('a runtime that dies while a service holds back its answer sends nothing twice and brings all home', {
  timeout: 240_000,
}, async () => {
  const away = await Away.open({ provider: { timeout: '60s' } });
  try {
    const wrong: string[] = [];
    for (const moment of MOMENTS) {
      wrong.push(...(await bringTo(away, moment)));
      await away.kill();
    }
    expect([...wrong, ...(await away.wrong())]).toEqual([]);
    expect(await away.jobsOf('plain', 'taken-plain')).toHaveLength(1);
  } finally {
    await away.close();
  }
});
