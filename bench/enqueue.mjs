import { mkdirSync, rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { openStoreHere } from './store.mjs';
import { diskFolder, median, startWorld } from './world.mjs';

/*
 * Durable enqueue in batches of 100, acknowledged = synced: over the socket as a client does it, and the store alone;
 * beside the same files written one by one, each with its own fsync, rename and fsync of the folder.
 * The three take turns; files of the queue are still written (unsynced) while the next batch is timed.
 */

const ROUNDS = 15;
const BATCH = 100;
const BODY = `${'Read the failing test, find the cause and mend it. '.repeat(20)}\n`;

export async function enqueue() {
  const world = await startWorld();
  const { dir } = diskFolder();
  const store = await openStoreHere(join(dir, 'store'));
  const times = { files: [], socket: [], store: [] };
  try {
    await viaSocket(world, 'warm');
    await store.enqueue(batch('warm'));
    for (let round = 0; round < ROUNDS; round++) {
      times.files.push(await rate(() => oneByOne(dir, round)));
      times.socket.push(await rate(() => viaSocket(world, round)));
      times.store.push(await rate(() => store.enqueue(batch(round))));
    }
  } finally {
    await store.close();
    world.client.close();
    await world.end();
    rmSync(dir, { recursive: true, force: true });
  }
  const beside = `file by file on ${world.disk}: ${perSecond(times.files)}`;
  const row = (what, rates) => ({
    what,
    ours: perSecond(rates),
    beside,
    ratio: `${(median(rates) / median(times.files)).toFixed(1)} × as many`,
    aim: '≥ 10',
  });
  return [
    row('durable enqueue, 100 a call, socket', times.socket),
    row('durable enqueue, 100 a call, store', times.store),
  ];
}

function batch(round) {
  return Array.from({ length: BATCH }, (_, n) => ({ title: `Task ${round} ${n}`, body: BODY }));
}

/** Tasks a second. */
async function rate(run) {
  const from = performance.now();
  await run();
  return (BATCH * 1_000) / (performance.now() - from);
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
