import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TaskId } from '../../src/runtime/model/ids.ts';
import { isRefusal } from '../../src/runtime/model/refusal.ts';
import { TaskSpec, type TaskSpecInput } from '../../src/runtime/model/spec.ts';
import { composeTask } from '../../src/runtime/taskfile/compose.ts';
import { parseTask } from '../../src/runtime/taskfile/parse.ts';

/** Texts that YAML likes to take for something else, and any other. */
const awkward = fc.constantFrom(
  ...[
    'yes',
    'null',
    '~',
    '017',
    '1:30',
    '1e3',
    '.5',
    '- a',
    '? x',
    'a: b',
    'a #b',
    ' lead',
    'trail ',
    '"q"',
    "'q'",
    '[a]',
  ],
  ...[
    '{a}',
    '*x',
    '&x',
    '!x',
    '|',
    '>',
    '%a',
    '@a',
    '`a',
    'a,b',
    '---',
    '--- a',
    '...',
    '\u2028',
    '\u0085',
    '\ufeff',
    '😀',
    'é',
    '#',
  ],
);
const text = (max: number) =>
  fc
    .oneof(
      awkward,
      fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
      fc.string({ minLength: 1, maxLength: 40 }),
    )
    .map((some) => some.replaceAll('\0', '').slice(0, max) || 'x')
    .filter((some) => Buffer.from(some).toString() === some);
const id = fc
  .constantFrom('a', 'fix-login', 'ünï 2', '017', 'true', 'null', '1', 'x#y')
  .map((some) => TaskId.parse(some));
const optional = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });

const fields: fc.Arbitrary<TaskSpecInput> = fc.record(
  {
    title: optional(text(300)),
    priority: optional(fc.constantFrom('critical', 'high', 'default', 'low', 'medium')),
    tags: optional(fc.array(text(100), { maxLength: 4 })),
    requires: optional(fc.array(text(100), { maxLength: 4 })),
    group: optional(text(100)),
    needs_claude_code: optional(fc.boolean()),
    preferred_ai: optional(text(100)),
    allow_delegation: optional(fc.boolean()),
    complexity_hint: optional(fc.constantFrom('simple', 'moderate', 'complex')),
    agent: optional(text(100)),
    mode: optional(fc.constantFrom('session', 'headless')),
    model: optional(text(100)),
    depends_on: optional(fc.array(id, { maxLength: 3 })),
    on_dependency_failure: optional(fc.constantFrom('fail', 'hold')),
    not_before: optional(fc.constantFrom('2026-12-01T08:00:00Z', '2026-12-01T08:00:00.5+02:00')),
    ttl_seconds: optional(fc.integer({ min: 60, max: 86_400 })),
    max_attempts: optional(fc.integer({ min: 1, max: 20 })),
    verify: optional(text(2_000)),
    verify_retries: optional(fc.integer({ min: 0, max: 10 })),
    result_schema: optional(fc.record({ type: fc.constant('object'), description: text(50), minProperties: fc.nat() })),
    max_turns: optional(fc.integer({ min: 1, max: 10_000 })),
    workspace: optional(fc.constantFrom('project', 'worktree')),
    base: optional(text(100)),
    continues: optional(id),
    permission_mode: optional(fc.constantFrom('plan', 'default', 'acceptEdits', 'bypassPermissions')),
    allowed_tools: optional(fc.array(text(100), { maxLength: 3 })),
    constraints: optional(fc.array(fc.oneof(text(2_000), fc.constant('')), { maxLength: 3 })),
    learnings: optional(fc.array(text(2_000), { maxLength: 3 })),
    callback_url: optional(fc.constantFrom('https://example.com/a?b=c#d')),
    include: optional(
      fc
        .array(fc.constantFrom('src/**', '!src/old/**', 'a b/ü.md', '{a,b}.ts', '[x]/y'), { maxLength: 3 })
        .map((some) => [...some, 'src']),
    ),
    apply: optional(fc.constant('worktree')),
    budget_usd: optional(fc.double({ min: 1e-9, max: 100_000, noNaN: true })),
    idempotency_key: optional(text(200)),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<TaskSpecInput>;

const body = fc
  .oneof(
    text(500),
    fc.array(fc.oneof(awkward, text(30)), { maxLength: 6 }).map((lines) => lines.join('\n')),
  )
  .chain((some) =>
    fc.constantFrom(some, `---\n${some}`, `---\ntitle: x\n---\n${some}`, `\n${some}`, `\r\n${some}`, `\ufeff${some}`),
  );

it('what is composed is read back the same', () => {
  fc.assert(
    fc.property(fields, body, (given, told) => {
      fc.pre(/[^\p{C}\p{Z}\s]/u.test(told));
      const parsed = parseTask(composeTask(given, told));
      if (isRefusal(parsed)) throw new Error(parsed.message);
      expect(parsed.body).toBe(told);
      expect(parsed.spec).toEqual(TaskSpec.parse(given));
      expect(parsed.extra.size).toBe(0);
    }),
    { numRuns: 1_500 },
  );
});

it('carries every key that TaskSpec has', () => {
  const keys = new Set(fc.sample(fields, 300).flatMap((some) => Object.keys(some)));
  expect([...keys].sort()).toEqual(Object.keys(TaskSpec.shape).sort());
});

it('is stable, reads well, and has front matter only where keys are given', () => {
  const file = Buffer.from(composeTask({ tags: ['a', '1'], priority: 'high', title: 'Fix: it' }, 'Do.\n')).toString();
  expect(file).toBe('---\ntitle: "Fix: it"\npriority: high\ntags: [a, "1"]\n---\nDo.\n');
  expect(Buffer.from(composeTask({}, 'Do.')).toString()).toBe('Do.');
});
