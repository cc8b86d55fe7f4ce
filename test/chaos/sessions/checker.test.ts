import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { ended } from '../random-kills.ts';
import { check } from './checker.ts';
import { SessionSite } from './site.ts';
import { Work } from './work.ts';

test('the checker is content with what went well, and sees what was doubled, lost or left', async () => {
  const site = new SessionSite();
  try {
    const talk = await site.talk();
    const work = new Work(site, talk, seededChance(1));
    await work.enqueue();
    await work.enqueue();
    await ended(talk, 30_000);
    expect(await check(site, work, talk)).toEqual([]);
    appendFileSync(join(site.ledger.dir, 'did.log'), 'task-1 deed 1\ntask-2 overlap\n');
    work.given.push({ project: 'alpha', id: 'gone', title: 'task-3', deeds: ['task-3 deed 1'] });
    spawn('sleep', ['60'], { env: site.env, detached: true, stdio: 'ignore' }).unref();
    expect(await check(site, work, talk)).toEqual([
      'task-3 is lost',
      '3 tasks were given and 2 are there',
      'nobody asked for: task-2 overlap',
      expect.stringMatching(/^task-1 was done as task-1 deed 1, .*task-1 deed 1$/),
      'task-3 was done as nothing',
      'task-3 has no file in done/',
      expect.stringMatching(/^left over: \d+ sleep 60/),
    ]);
  } finally {
    await site.end();
  }
}, 120_000);
