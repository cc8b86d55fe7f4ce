import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { IncludePattern } from '../../../src/runtime/model/spec.ts';
import { World } from './world.ts';

/*
 * Trees of files, folders and links, in and around a project, and patterns of all kinds: whatever is packed lies in the
 * project behind all links, is not ignored, and says what the file says.
 */

const name = fc.constantFrom('a', 'b', 'c.ts', 'a', 'b', '.git', '.agent-queue', 'ignored', 'node_modules');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const target = fc.oneof(
  path,
  path.map((to) => `../${to}`),
  path.map((to) => `../../neighbour/${to}`),
  fc.constantFrom('/', '..', '../neighbour', '/etc/hostname', '.'),
);
const tree = fc.record({
  files: fc.array(path, { minLength: 1, maxLength: 6 }),
  outside: fc.array(path, { maxLength: 3 }),
  links: fc.array(fc.tuple(path, target), { maxLength: 2 }),
});
const pattern = fc
  .array(fc.constantFrom('a', 'b', 'c.ts', '*', '**', '?', '[a-c]', '{a,b}', '.git', 'ignored', '..', '.'), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join('/'))
  .chain((text) => fc.constantFrom(text, text, `!${text}`))
  .filter((text) => IncludePattern.safeParse(text).success);
const include = fc
  .array(pattern, { minLength: 1, maxLength: 3 })
  .filter((all) => all.some((one) => !one.startsWith('!')));

it.each(['git', 'plain'] as const)(
  '%s: no packed path lies outside the project, whatever links and patterns',
  async (kind) => {
    let packed = 0;
    await fc.assert(
      fc.asyncProperty(tree, fc.array(include, { minLength: 3, maxLength: 3 }), async (given, all) => {
        const world = await World.make(kind);
        try {
          await world.write({ '.gitignore': 'ignored\n' });
          for (const file of given.outside)
            await world.write({ [`../neighbour/${file}`]: 'OUTSIDE\n' }).catch(() => undefined);
          for (const [at, to] of given.links) {
            const real = await nearest(join(world.folder, at, '..'));
            if (`${real}/`.startsWith(`${world.folder}/`)) await world.link(at, to).catch(() => undefined);
          }
          for (const file of given.files) {
            const real = await nearest(join(world.folder, file, '..'));
            if (`${real}/`.startsWith(`${world.folder}/`))
              await world.write({ [file]: `${file}\n` }).catch(() => undefined);
          }
          for (const patterns of [['**'], ['a', 'b'], ...all]) packed += await look(world, patterns, kind);
        } finally {
          await world.end();
        }
      }),
      { numRuns: 40 },
    );
    expect(packed).toBeGreaterThan(10);
  },
  240_000,
);

/** Where a folder would be made, behind all links: one of them leads to the root of this very machine. */
async function nearest(dir: string): Promise<string> {
  return (await realpath(dir).catch(() => undefined)) ?? nearest(join(dir, '..'));
}

async function look(world: World, patterns: string[], kind: 'git' | 'plain'): Promise<number> {
  const pack = await world.pack({ include: patterns });
  if (isRefusal(pack)) {
    expect(pack.message).toMatch(/^include: /);
    return 0;
  }
  for (const { path: given, text } of pack.files) {
    const real = await realpath(join(world.folder, given));
    expect(real.startsWith(`${world.folder}/`)).toBe(true);
    expect(text).not.toContain('OUTSIDE');
    const parts = real.slice(world.folder.length + 1).split('/');
    expect(parts).not.toContain('.git');
    expect(parts).not.toContain('.agent-queue');
    if (kind === 'git') expect(parts).not.toContain('ignored');
    else expect(parts).not.toContain('node_modules');
  }
  return pack.files.length;
}
