import { beforeAll, beforeEach } from 'vitest';
import { type AgentName, type Installed, install } from './install.ts';

/**
 * The path of a real agent, for the tests of a file. Where it can't be had they are skipped, with the reason; CI takes that for a
 * failure.
 */
export function program(agent: AgentName): () => string {
  let found: Installed = { missing: `${agent} is not installed yet` };
  beforeAll(async () => {
    found = await install(agent);
  }, 150_000);
  beforeEach((ctx) => {
    if ('missing' in found) ctx.skip(found.missing);
  });
  return () => {
    if ('missing' in found) throw new Error(found.missing);
    return found.program;
  };
}
