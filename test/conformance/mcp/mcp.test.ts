import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ListName } from '../../../src/resources/audience.ts';
import type { Known } from '../../../src/server/http/bearers.ts';
import { Http } from '../../server/http/world.ts';
import { fixture } from './fixture.ts';

/*
 * The official suite against our HTTP side. It needs a newer Node than ours and comes with it from the registry; where
 * that can't be reached, the tests are skipped, and say so.
 */

const PACKAGES = ['-p', 'node@24', '-p', '@modelcontextprotocol/conformance@0.2.0-alpha.12'];
const EXPECTED = fileURLToPath(new URL('expected-failures.yml', import.meta.url));
/** Without a network this ends soon. */
const BRIEFLY = { npm_config_fetch_retries: '1', npm_config_fetch_timeout: '30000' };
const FETCH_MS = 300_000;
const RUN_MS = 300_000;

/** The suite has no way to send a token: here everybody is the owner. Nothing in the configuration does this. */
const everybody: Known = { caller: { principal: 'owner', name: 'owner' }, valid: () => true };

let http: Http;
let folder: string;
let unreachable: string | undefined;
beforeAll(async () => {
  const listChanged = (list: ListName) => http.server.changed([], [list]);
  http = await Http.open({ serve: fixture(listChanged), parts: { whose: async () => everybody } });
  folder = mkdtempSync(join(tmpdir(), 'ym-conformance-'));
  const { code, said } = await suite(['list', '--server']);
  if (code !== 0) unreachable = said.slice(-2_000);
}, FETCH_MS);
afterAll(async () => {
  await http?.close(0);
  rmSync(folder, { recursive: true, force: true });
});

test.for(['2025-11-25', '2026-07-28'])(
  'every requirement of %s is met',
  { timeout: RUN_MS },
  async (revision, { skip }) => {
    if (unreachable !== undefined) {
      console.error(
        `SKIPPED: the conformance suite could not be fetched, so ${revision} was not tested.\n${unreachable}`,
      );
      return skip('the suite could not be fetched');
    }
    const { code, said } = await suite([
      ...['server', '--url', http.url.href],
      ...['--requirements', revision, '--expected-failures', EXPECTED],
    ]);
    expect(code, said.slice(-20_000)).toBe(0);
    expect(said).toMatch(/\d+ passed/);
  },
);

function suite(args: readonly string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn('npx', ['-y', ...PACKAGES, 'conformance', ...args], {
    cwd: folder,
    env: { ...process.env, ...BRIEFLY },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk;
    });
  }
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, said: String(error) }));
    child.once('close', (code) => resolve({ code, said }));
  });
}
