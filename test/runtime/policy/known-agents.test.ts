import { expect, test } from 'vitest';
import { askFor } from '../../../src/runtime/policy/ask.ts';
import { decide } from '../../../src/runtime/policy/decide.ts';
import { agent, fleet, NOW, SHOP, spec } from './fixtures.ts';

const routed = (name: string, agents = [agent('claude'), agent('worker')]) =>
  decide(askFor(spec({ agent: name }), SHOP), fleet({ agents }), NOW);

test('a program that is known and not supported is refused, and it is said how it can be an agent', () => {
  const route = routed('cursor');
  expect(route.to).toBe('refuse');
  const { reason } = route as Extract<typeof route, { to: 'refuse' }>;
  expect(reason).toContain('agent: cursor is not supported unless configured as a command under agents:');
  expect(reason).toContain('agents: {cursor: {command: [');
  expect(reason).toContain('(known: claude, worker)');
});

test('as a command of the person it is an agent like any other', () => {
  expect(routed('cursor', [agent('cursor')])).toMatchObject({ to: 'agent', agent: 'cursor' });
});

test('an agent that nobody knows is waited for: the next configuration may have it', () => {
  expect(routed('nobody')).toMatchObject({
    to: 'wait',
    reason: 'no_eligible_agent',
    detail: expect.stringMatching(/known: claude, worker; yardmaster doctor/),
  });
  expect(routed('nobody', [])).toMatchObject({
    detail: expect.stringContaining('known: none; claude, codex, gemini or a command may be configured'),
  });
});
