import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

/* Histories that always end well show nothing. Here the sources are broken, one line at a time, and they have to say so. */

const root = fileURLToPath(new URL('../../..', import.meta.url));
const NEEDED = ['package.json', 'src/runtime', 'test/fakes', 'test/runtime/allowance', 'test/runtime/store/power-cut'];
const BOOKS = 'model/books.ts';

const broken: readonly [what: string, says: RegExp, file: string, from: string, to: string][] = [
  ['books all tokens of a failure', /the books say/, BOOKS, 'Math.ceil(whole / 2)', 'whole'],
  ['rounds half a token down', /the books say/, BOOKS, 'Math.ceil(whole / 2)', 'Math.floor(whole / 2)'],
  [
    'books the tokens of what was cancelled',
    /the books say/,
    BOOKS,
    'Math.ceil(whole / 2) : 0',
    'Math.ceil(whole / 2) : whole',
  ],
  [
    'forgets the money of what was cancelled',
    /the books say/,
    BOOKS,
    'moneyOf(report);',
    "how === 'cancelled' ? {} : moneyOf(report);",
  ],
  [
    'keeps the job of a claim that came to nothing',
    /the books say/,
    BOOKS,
    'take(books, before, -1); // B3\n      return;',
    'return;',
  ],
  ['gives back the job of work that a check refused', /the books say/, BOOKS, "error_class !== 'verify' && ", ''],
  [
    'gives a job back on another day',
    /the books say|books have the days/,
    BOOKS,
    'books.days.get(dayOf(claimed_at))',
    '[...books.days.values()].at(-1)',
  ],
  [
    'books nothing on the account of a program',
    /the books say/,
    BOOKS,
    '[agent] : [agent, program]',
    '[agent] : [agent]',
  ],
  ['counts an hour as a day', /requests, not/, BOOKS, 'Math.floor(at / HOUR_MS)', 'Math.floor(at / DAY_MS)'],
  [
    'writes no books into a snapshot',
    /restart changed the books|the books/,
    'store/state.ts',
    'writeBooks(this.books)',
    'writeBooks(emptyBooks())',
  ],
  [
    'lets a stale report count',
    /late report|ended as/,
    'store/decide.ts',
    'task.token !== lease.token',
    "lease.token === ''",
  ],
  [
    'keeps a place for a claim that was refused',
    /are at work|under way/,
    'dispatcher/dispatcher.ts',
    'load.release(ref);',
    '',
  ],
  [
    'does not see claims that are under way',
    /began with|daily_jobs/,
    'policy/allowance.ts',
    '(from.load.claims.agent.get(name) ?? 0)',
    '0',
  ],
  [
    'does not count what is at work',
    /concurrent_jobs|at work/,
    'policy/allowance.ts',
    'from.load.at_work.get(name) ?? 0',
    '0',
  ],
  [
    'forgets an attempt that a restart finds at work',
    /are at work/,
    'load.ts',
    'for (const task of open) this.#look(task);',
    'void open;',
  ],
  [
    'counts a place that was given back once more',
    /are at work/,
    'load.ts',
    'if (old) this.#count(old, -1);',
    'if (old?.reserved) this.#count(old, -1);',
  ],
];

let dir = '';
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test.each(broken)('a runtime that %s is found out', { timeout: 120_000 }, async (_, says, file, from, to) => {
  dir = mkdtempSync(join(tmpdir(), 'ym-broken-'));
  for (const path of NEEDED) cpSync(join(root, path), join(dir, path), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
  breakLine(join(dir, 'src/runtime', file), from, to);
  const { playHistories } = (await import(
    join(dir, 'test/runtime/allowance/histories.ts')
  )) as typeof import('./histories.ts');
  const played = playHistories({ seed: 1, numRuns: 200, endOnFailure: true });
  await expect(played.catch((error: Error) => Promise.reject(error.cause))).rejects.toThrow(says);
});

function breakLine(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8');
  if (text.split(from).length !== 2) throw new Error(`${path} has changed: it does not hold once: ${from}`);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
}
