import { mkdirSync, rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openStoreHere } from './store.mjs';
import { diskFolder, median, startWorld } from './world.mjs';

/*
 * Durable enqueue in batches of 100, acknowledged = synced: over the socket as a client does it, and the store alone;
 * beside the same files written one by one, each with its own fsync, rename and fsync of the folder.
 * The three take turns, and each begins when the files of the one before are written: nobody works in another's time.
 * The row "in a row" leaves no such pause: files are written while the next calls come.
 */

const ROUNDS = 15;
const BATCH = 100;
const IN_A_ROW = 30;
const BODY = `${'Read the failing test, find the cause and mend it. '.repeat(20)}\n`;

export async function enqueue() {
  const world = await startWorld();
  const { dir } = diskFolder();
  const store = await openStoreHere(join(dir, 'store'));
  const rates = { files: [], socket: [], store: [], row: [] };
  try {
    await viaSocket(world, 'warm');
    await store.enqueue(store.made(batch('warm')));
    for (let round = 0; round < ROUNDS; round++) {
      const tasks = store.made(batch(round));
      await calm(world, store);
      rates.files.push(await rate(1, () => oneByOne(dir, round)));
      rates.socket.push(await rate(1, () => viaSocket(world, round)));
      await calm(world, store);
      rates.store.push(await rate(1, () => store.enqueue(tasks)));
    }
    for (let round = 0; round < 3; round++) {
      await calm(world, store);
      rates.row.push(await rate(IN_A_ROW, (n) => viaSocket(world, `row ${round} ${n}`)));
    }
  } finally {
    await store.close();
    world.client.close();
    await world.end();
    rmSync(dir, { recursive: true, force: true });
  }
  const beside = `file by file on ${world.disk}: ${perSecond(rates.files)}`;
  const row = (what, ours) => ({
    what: `durable enqueue, 100 a call, ${what}`,
    ours: perSecond(ours),
    beside,
    ratio: `${(median(ours) / median(rates.files)).toFixed(1)} × as many`,
    aim: '≥ 10',
  });
  return [
    row('socket', rates.socket),
    row('store', rates.store),
    { ...row(`${IN_A_ROW} in a row`, rates.row), aim: '' },
  ];
}

/** Settles when all files are written. */
async function calm({ client }, store) {
  while (!store.converged() || !(await client.call('fleet_status', {})).converged) await pause(10);
}

function batch(round) {
  return Array.from({ length: BATCH }, (_, n) => ({ title: `Task ${round} ${n}`, body: BODY }));
}

/** Tasks a second, over so many batches. */
async function rate(batches, run) {
  const from = performance.now();
  for (let n = 0; n < batches; n++) await run(n);
  return (batches * BATCH * 1_000) / (performance.now() - from);
}

async function viaSocket({ client, project }, round) {
  const { tasks } = await client.call('enqueue_task', { project, tasks: batch(round) });
  if (tasks.some(({ created }) => created !== true)) throw new Error('not every task was taken');
}

async function oneByOne(dir, round) {
  const folder = join(dir, `files-${round}`);
  mkdirSync(folder);
  const names = await open(folder, 'r');
  for (const [n, { title, body }] of batch(round).entries()) {
    const [temp, path] = [join(folder, `.${n}.tmp`), join(folder, `${n}.md`)];
    const file = await open(temp, 'wx');
    await file.writeFile(`---\ntitle: ${title}\n---\n${body}`);
    await file.sync();
    await file.close();
    await rename(temp, path);
    await names.sync();
  }
  await names.close();
}

function perSecond(rates) {
  return `${Math.round(median(rates)).toLocaleString('en')}/s`;
}
