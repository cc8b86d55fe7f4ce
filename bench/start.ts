import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * What a client waits for when it starts `yardmaster mcp` and a runtime already runs: spawn → answer of `initialize`,
 * beside a bare `node -e ''`. The two take turns, so that a noisy machine is as noisy for both.
 */

const ROUNDS = 20;
const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
const standIn = fileURLToPath(new URL('../test/support/stand-in.js', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'ym-bench-'));
const env = { ...process.env, YARDMASTER_HOME: dir };
const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
};

function exited(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

async function bare(): Promise<number> {
  const from = performance.now();
  await exited(spawn(process.execPath, ['-e', ''], { stdio: 'ignore' }));
  return performance.now() - from;
}

async function greeted(file: string): Promise<number> {
  const from = performance.now();
  const child = spawn(process.execPath, [file, 'mcp'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.write(`${JSON.stringify(initialize)}\n`);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const took = performance.now() - from;
  child.stdin.end();
  await exited(child);
  return took;
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const cold = await greeted(standIn); // starts the runtime as well
const nodes: number[] = [];
const bridges: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  nodes.push(await bare());
  bridges.push(await greeted(main));
}
process.kill((JSON.parse(readFileSync(join(dir, 'runtime.lock'), 'utf8')) as { pid: number }).pid);
rmSync(dir, { recursive: true, force: true });

const [node, bridge] = [median(nodes), median(bridges)];
process.stdout.write(
  `node -e ''                          ${node.toFixed(1)} ms (median of ${ROUNDS})
yardmaster mcp → initialize answered ${bridge.toFixed(1)} ms (median of ${ROUNDS}), ${(bridge / node).toFixed(2)} ×
with a runtime to start first        ${cold.toFixed(1)} ms (once)
`,
);
