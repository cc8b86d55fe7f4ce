import { expect, test } from 'vitest';
import { ProjectId, TaskId } from '../../../../src/runtime/model/ids.ts';
import type { AgentRequest } from '../../../../src/runtime/sessions/attempts/attempt-ports.ts';
import { shownRequest } from '../../../../src/runtime/sessions/requests/shown-request.ts';

const subject = (input: unknown) =>
  shownRequest({
    ...{ id: 'r', kind: 'permission', seat: 's', attempt: 1, tool: 'Bash', asked_at: 0, expires_at: 1, input },
    task: { project: ProjectId.parse('p_0123456789ab'), id: TaskId.parse('a') },
  } as unknown as AgentRequest).subject;

test('what a tool acts upon is kept exactly, or not at all: rules must not read what was cut or cleaned', () => {
  expect(subject({ description: 'x\ncommand: ls', command: 'git a\nrm b' })).toBe('git a\nrm b');
  expect(subject({ content: 'file_path: src/ok', file_path: '/etc/passwd' })).toBe('/etc/passwd');
  expect(subject({ command: 'x'.repeat(10_000) })).toBeUndefined();
  expect(subject({ command: ['ls'] })).toBeUndefined();
  expect(subject('ls')).toBeUndefined();
});
