import { describe, expect, it } from 'vitest';
import { type DropRules, refuseDrop } from '../../src/runtime/inbox/drop-rules.ts';
import { TaskSpec, type TaskSpecInput } from '../../src/runtime/model/spec.ts';

const rules: DropRules = { checks: new Set(['test']), callbacks: { hosts: ['ci.example'], private: false } };
const refused = (spec: TaskSpecInput, more: Partial<DropRules> = {}) =>
  refuseDrop(TaskSpec.parse(spec), { ...rules, ...more });

describe('what a dropped file may ask for', () => {
  it.each<[TaskSpecInput, Partial<DropRules>?]>([
    [{}],
    [{ verify: 'test' }],
    [{ permission_mode: 'plan' }],
    [{ permission_mode: 'acceptEdits' }],
    [{ permission_mode: 'bypassPermissions' }, { permission_mode: 'bypassPermissions' }],
    [{ allowed_tools: ['Read'] }],
    [{ allowed_tools: ['Read'] }, { allowed_tools: ['Read', 'Edit'] }],
    [{ callback_url: 'https://ci.example/hook' }],
    [{ include: ['src'], apply: 'worktree', verify: 'test' }],
  ])('%j is allowed', (spec, more) => expect(refused(spec, more)).toBeUndefined());

  it.each<[TaskSpecInput, Partial<DropRules>, string]>([
    [{ verify: 'npm test' }, {}, 'Name one of your checks (test)'],
    [{ apply: 'worktree', verify: 'npm test' }, {}, 'Name one of your checks (test)'],
    [{ verify: 'npm test' }, { checks: new Set() }, 'none is configured'],
    [{ permission_mode: 'auto' }, {}, 'plan | dontAsk | default | acceptEdits'],
    [{ permission_mode: 'acceptEdits' }, { permission_mode: 'plan' }, 'Allowed: plan.'],
    [{ allowed_tools: ['Read', 'Bash'] }, { allowed_tools: ['Read'] }, 'Allowed: Read.'],
    [{ callback_url: 'https://ci.example:8443/' }, {}, 'ci.example'],
    [{ callback_url: 'https://ci.example.evil/' }, {}, 'ci.example'],
    [{ callback_url: 'file://ci.example/x' }, {}, 'https://'],
  ])('%j with %j is refused', (spec, more, hint) => expect(refused(spec, more)?.hint).toContain(hint));
});
