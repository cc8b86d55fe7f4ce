import { expect, it } from 'vitest';
import { attemptPrompt } from '../../../src/runtime/conversations/prompt.ts';
import { TaskSpec } from '../../../src/runtime/model/spec.ts';
import type { LiveTask } from '../../../src/runtime/model/task.ts';
import { type LocalPrompt, localPrompt } from '../../../src/runtime/runs/prompt.ts';

const plain: LocalPrompt = {
  file: 'fix-login.md',
  title: 'Fix the login',
  body: '\nThe redirect after the login loops.\n',
  constraints: [],
  learnings: [],
  results: [],
  nonce: 'run-1',
  closing: 'Carry it out.',
};

it('a bare task is its file name, its body, its attempt and the closing line', () => {
  expect(localPrompt(plain)).toBe(
    '[fix-login.md] The redirect after the login loops.\n\nAttempt: run-1\n\nCarry it out.\n',
  );
});

it('constraints, learnings and results of dependencies follow in this order', () => {
  const full = localPrompt({
    ...plain,
    constraints: ['no new packages', 'two\nlines', ' '],
    learnings: ['tests need a port'],
    results: [{ id: 'plan', path: '/shop/.agent-queue/done/plan.md' }],
  });
  expect(full).toMatchInlineSnapshot(`
    "[fix-login.md] The redirect after the login loops.

    Constraints:
    - no new packages
    - two
      lines

    Learnings from earlier work:
    - tests need a port

    Results of the tasks that this one depends on:
    - plan: /shop/.agent-queue/done/plan.md

    Attempt: run-1

    Carry it out.
    "
  `);
});

it('at most five learnings are passed on', () => {
  const text = localPrompt({ ...plain, learnings: ['l1', 'l2', 'l3', 'l4', 'l5', 'l6'] });
  expect(text).toContain('- l5\n');
  expect(text).not.toContain('l6');
});

it('a task without a body is its title', () => {
  expect(localPrompt({ ...plain, body: ' \n' })).toMatch(/^\[fix-login\.md\] Fix the login\n/);
});

it('files that a task includes are named, as it names them', () => {
  const text = localPrompt({ ...plain, include: ['src/**/*.ts', '!src/old'] });
  expect(text).toContain('Files that matter (those with a ! do not):\n- src/**/*.ts\n- !src/old\n');
  const task = { id: 'x', title: 'x', spec: TaskSpec.parse({ include: ['docs'] }) } as LiveTask;
  const words = { task, body: 'x', project: '/shop', nonce: 'run-1', closing: 'Go.', told: false };
  expect(attemptPrompt(words)).toContain('- docs\n');
  expect(attemptPrompt({ ...words, told: true })).not.toContain('docs'); // it stands in the conversation
});
