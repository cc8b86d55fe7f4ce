import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Once per test run: programs that tests start as processes need plain JavaScript. */
export default function build(): void {
  const compiler = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
  // Its exit code is not looked at: types are checked elsewhere, and what is missing here fails its test.
  spawnSync(process.execPath, [compiler, '-p', `${root}test/support/tsconfig.json`], {
    cwd: root,
    stdio: 'inherit',
  });
  cpSync(`${root}package.json`, `${root}dist/for-tests/package.json`);
}
