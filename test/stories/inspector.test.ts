import { type ExecFileException, execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shell, World } from './world.ts';

/*
 * The official Inspector, from the npm registry: where `.ci/run` calls, or on request. It is kept between runs in a
 * folder of its own.
 */
const wanted = process.env.CI || process.env.YARDMASTER_TEST_REPORT || process.env.YARDMASTER_TEST_INSPECTOR;
const VERSION = '2.12.0';
const folder = join(tmpdir(), `yardmaster-inspector-${VERSION}-${process.getuid?.() ?? 0}`);
const program = join(folder, 'node_modules', '.bin', 'mcp-inspector');
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, args, { env, timeout: 55_000 }, (error: ExecFileException | null, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr });
    });
  });
}

async function install(): Promise<void> {
  if (existsSync(program)) return;
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  const args = ['install', '--prefix', fresh, '--no-audit', '--no-fund', '--no-save'];
  const { code, stderr } = await run('npm', [...args, `@modelcontextprotocol/inspector@${VERSION}`], process.env);
  if (code !== 0) throw new Error(`the Inspector could not be installed: ${stderr}`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}

describe.skipIf(!wanted)('the Inspector', () => {
  let world: World; // made in the hook: the body runs even when all of it is skipped
  let config = '';
  const inspect = (...args: string[]) =>
    run(program, ['--cli', '--config', config, '--server', 'yardmaster', ...args, '--format', 'json'], world.env);

  beforeAll(async () => {
    world = new World({ agents: { echo: { command: shell('cat "$1"') } } });
    config = join(world.root, 'mcp.json');
    // It hands on little of its own environment.
    const { YARDMASTER_HOME, YARDMASTER_CONFIG, YARDMASTER_HTTP_PORT, HOME } = world.env;
    const env = { YARDMASTER_HOME, YARDMASTER_CONFIG, YARDMASTER_HTTP_PORT, HOME };
    const server = { command: process.execPath, args: [main, 'mcp'], env };
    writeFileSync(config, JSON.stringify({ mcpServers: { yardmaster: server } }));
    await install();
  }, 60_000);
  afterAll(() => world.end());

  test('lists the tools over stdio', async () => {
    const { code, stdout, stderr } = await inspect('--method', 'tools/list');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    for (const tool of ['enqueue_task', 'job_status', 'fleet_status']) expect(stdout).toContain(`"${tool}"`);
  }, 30_000);

  test('calls tools and reads resources', async () => {
    const call = (tool: string, args: object) =>
      inspect('--method', 'tools/call', '--tool-name', tool, '--tool-args-json', JSON.stringify(args));
    const made = await call('enqueue_task', { project: world.project('seen'), body: 'Look at me.', id: 'seen' });
    expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('"created"') });
    const ended = await call('job_status', { id: 'seen', wait_seconds: 20, detail: 'result' });
    expect(ended.stdout).toContain('Look at me.');
    expect((await inspect('--method', 'resources/read', '--uri', 'queue://done')).stdout).toContain('seen');
    expect(await call('job_status', { id: 'nobody' })).toMatchObject({ code: 5 }); // a refusal, not a crash
  }, 45_000);
});
