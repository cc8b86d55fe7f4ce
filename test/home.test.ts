import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findHome, homeAt, makeHome } from '../src/home.ts';
import { isNewer } from '../src/version.ts';

test('the home is where the environment says, else in the XDG state directory', () => {
  expect(findHome({ YARDMASTER_HOME: '/a/b', XDG_STATE_HOME: '/x' }).dir).toBe('/a/b');
  expect(findHome({ XDG_STATE_HOME: '/x', HOME: '/h' }).dir).toBe('/x/yardmaster');
  expect(findHome({ XDG_STATE_HOME: 'relative', HOME: '/h' }).dir).toBe('/h/.local/state/yardmaster');
  expect(findHome({ HOME: '/h' }).socket).toBe('/h/.local/state/yardmaster/runtime.sock');
});

test('only its owner can look into it, even if it was there before with a looser mode', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ym-home-'));
  const home = homeAt(join(dir, 'deep', 'home'));
  makeHome(home);
  chmodSync(home.dir, 0o755);
  makeHome(home);
  expect(statSync(home.dir).mode & 0o777).toBe(0o700);
  expect(statSync(home.logs).mode & 0o777).toBe(0o700);
  rmSync(dir, { recursive: true });
});

test('a version is newer by its numbers', () => {
  expect(isNewer('0.10.0', '0.9.9')).toBe(true);
  expect(isNewer('1.0.0', '1.0.0')).toBe(false);
  expect(isNewer('0.9.9', '0.10.0')).toBe(false);
  expect(isNewer('2', '1.9.9-beta.1')).toBe(true);
});
