import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bridge, looksOf, startDaemon } from './daemon.mjs';
import { diskFolder } from './world.mjs';

/* Many inboxes with many files that wait in each: kernel watches follow the inboxes, not the files. */

export async function watches() {
  const { inboxes, files, watches, resident, descriptors, taken, start } = await measureWatches({});
  const row = (what, ours, aim = '') => ({ what, ours, beside: '', ratio: '', aim });
  return [
    row(`watches, ${inboxes} inboxes × ${files} files`, `${watches} (${descriptors} descriptors)`, '≤ 60'),
    row('resident', `${resident.toFixed(0)} MB`),
    row('all drops taken after', `${(taken / 1_000).toFixed(1)} s`),
    row('start with them', `${(start / 1_000).toFixed(1)} s`),
  ];
}

export async function measureWatches({ inboxes = 50, files = 1_000 }) {
  const { dir } = diskFolder();
  try {
    const env = dropFiles(dir, inboxes, files);
    const first = await startDaemon(env);
    const taken = await calm(env, inboxes * files).finally(() => first.stop());
    const again = await startDaemon(env);
    const start = await calm(env, inboxes * files);
    const looks = looksOf(again.pid);
    await again.stop();
    return { inboxes, files, taken, start, ...looks };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function dropFiles(dir, inboxes, files) {
  const projects = Array.from({ length: inboxes }, (_, n) => ({ name: `p${n}`, path: join(dir, `p${n}`) }));
  const config = join(dir, 'yardmaster.yaml');
  writeFileSync(config, JSON.stringify({ projects, agents: { noop: { command: ['true'] } } }));
  for (const { path } of projects) {
    const inbox = join(path, '.agent-queue', 'inbox');
    mkdirSync(inbox, { recursive: true });
    for (let n = 0; n < files; n++) {
      writeFileSync(join(inbox, '.drop'), `---\nrequires: [a-rare-skill]\n---\nTask ${n}\n`);
      renameSync(join(inbox, '.drop'), join(inbox, `drop-${n}.md`));
    }
  }
  return { ...process.env, YARDMASTER_HOME: join(dir, 'home'), YARDMASTER_CONFIG: config };
}

/** Until all are queued and nothing is left to do; how long that took. */
async function calm(env, tasks) {
  const from = performance.now();
  const client = await bridge(env);
  try {
    for (;;) {
      const { counts, converged } = await client.call('fleet_status', {});
      if (converged && counts.queued === tasks) return performance.now() - from;
      await pause(50);
    }
  } finally {
    await client.close();
  }
}
