import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { INITIALIZE, MAIN, median, startWorld } from './world.mjs';

/*
 * What a client waits for when it starts `yardmaster mcp` and a runtime already runs: spawn → answer of `initialize`,
 * beside a bare `node -e ''`. The two take turns, so that a noisy machine is as noisy for both.
 */

const PAIRS = 40;

export async function start() {
  const world = await startWorld();
  const [bare, bridge] = [[], []];
  try {
    await greeted(world.env);
    for (let pair = 0; pair < PAIRS; pair++) {
      bare.push(await node());
      bridge.push(await greeted(world.env));
    }
  } finally {
    await world.end();
  }
  return [
    {
      what: 'spawn → initialize answered',
      ours: `${median(bridge).toFixed(1)} ms`,
      beside: `node -e '': ${median(bare).toFixed(1)} ms`,
      ratio: `${(median(bridge) / median(bare)).toFixed(2)} × as long`,
      aim: '≤ 1.4',
    },
  ];
}

async function node() {
  const from = performance.now();
  await once(spawn(process.execPath, ['-e', ''], { stdio: 'ignore' }), 'exit');
  return performance.now() - from;
}

async function greeted(env) {
  const from = performance.now();
  const child = spawn(process.execPath, [MAIN, 'mcp'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: INITIALIZE })}\n`);
  await once(child.stdout, 'data');
  const took = performance.now() - from;
  const exit = once(child, 'exit');
  child.stdin.end();
  await exit;
  return took;
}
