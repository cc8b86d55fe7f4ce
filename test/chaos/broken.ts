import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** One change of the built program: in a file, one text for another. */
export type Change = readonly [file: string, from: string, to: string];

/** A build of the product that is wrong on purpose. */
export class BrokenBuild {
  readonly #dir = mkdtempSync(join(tmpdir(), 'ym-broken-'));

  constructor(changes: readonly Change[]) {
    cpSync(join(root, 'dist'), join(this.#dir, 'dist'), {
      recursive: true,
      filter: (path) => !path.includes('for-tests'),
    });
    cpSync(join(root, 'package.json'), join(this.#dir, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(this.#dir, 'node_modules'));
    for (const change of changes) this.#break(change);
  }

  get program(): string {
    return join(this.#dir, 'dist', 'main.js');
  }

  #break([file, from, to]: Change): void {
    const path = join(this.#dir, 'dist', file);
    const text = readFileSync(path, 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${file} has changed: it does not hold once: ${from}`);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
