import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('the tables of the README say what the code says', () => {
  const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
  const args = [at('scripts/docs.mjs'), '--check', '--from', at('dist/for-tests/src')];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
