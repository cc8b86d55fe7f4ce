// Asks the checker about a place that a chaos test left (CHAOS_KEEP=1 keeps it and prints where it is):
//   node test/chaos/checker-main.mjs /tmp/ym-chaos-…
// Starts a runtime there, waits until nothing is open, prints what is wrong, and ends with 1 if anything is.
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite'; // vitest's own loader of TypeScript

const load = async (name) =>
  (await runnerImport(fileURLToPath(new URL(name, import.meta.url)), { configFile: false, logLevel: 'silent' })).module;
const [{ check }, { ended, sceneOf }, { Site }] = await Promise.all(
  ['./checker.ts', './random-kills.ts', './site.ts'].map(load),
);

const root = process.argv[2];
if (!root) throw new Error('which place? node test/chaos/checker-main.mjs DIR');
process.env.CHAOS_KEEP = '1';
const site = new Site({ root });
try {
  const talk = await site.talk();
  await ended(talk, 30_000);
  const wrong = await check({ ...sceneOf(site), maxAttempts: 3 }, talk);
  for (const one of wrong) process.stdout.write(`${one}\n`);
  process.stdout.write(wrong.length === 0 ? 'nothing is wrong\n' : `${wrong.length} things are wrong\n`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  await site.end();
}
