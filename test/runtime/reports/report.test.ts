import { expect, test } from 'vitest';
import { ProjectId, TaskId } from '../../../src/runtime/model/ids.ts';
import type { FinishedTask } from '../../../src/runtime/model/task.ts';
import { readEnded } from '../../../src/runtime/reports/ended.ts';
import { Report, reportBytes, reportOf } from '../../../src/runtime/reports/report.ts';
import { renderFinished } from '../../../src/runtime/taskfile/render.ts';

const ref = { project: ProjectId.parse('p_0123456789ab'), id: TaskId.parse('dispatch-login') };
const project = { ...ref, id: ref.project, name: 'shop', path: '/code/shop', adopted_at: 0 };
const times = { queued_at: 1_000, started_at: 2_000, finished_at: 5_500, finished_seq: 9 };

function finished(more: Partial<FinishedTask>): FinishedTask {
  return { ...ref, ...times, state: 'done', title: 'Fix', priority: 'default', sha: '', attempts: 1, ...more };
}

function storeOf(task: FinishedTask, bytes: Uint8Array | undefined) {
  const path = `/code/shop/.agent-queue/${task.state === 'done' ? 'done' : 'failed'}/${task.id}.md`;
  return {
    ...{ open: () => new Map(), owns: () => true, projects: () => [project], get: async () => task },
    text: async () => bytes && { bytes, path },
  };
}

test('a completed task is reported under the names that dispatchers know', async () => {
  const task = finished({ agent: 'claude', cost_usd: 0.25 });
  const outcome = { state: 'done', result: 'It works.', session_id: 's-1', verified: 'passed', tokens: 70 } as const;
  const file = renderFinished({ task, outcome, source: Buffer.from('Do it.') });
  const ended = await readEnded(storeOf(task, file), ref);
  const dispatch = { id: 'dispatch-login', by: 'clawvisor', project: 'shop', clawvisor_task_id: 'cv-7' };
  const report = reportOf(ended ?? expect.fail(), { dispatch });
  expect(report).toMatchObject({
    ...{ dispatch_id: 'dispatch-login', status: 'completed', duration: 3.5, target_agent: 'claude' },
    ...{ output_length: 9, error: null, error_type: null, retry_count: 0 },
    ...{ project: 'shop', session_id: 's-1', cost_usd: 0.25, verified: 'passed', tokens: 70 },
    ...{ result_path: '/code/shop/.agent-queue/done/dispatch-login.md', clawvisor_task_id: 'cv-7' },
    finished_at: '1970-01-01T00:00:05.500Z',
  });
  expect(Report.parse(JSON.parse(Buffer.from(reportBytes(report)).toString()))).toEqual(report);
});

test('a failed one says why, how often it was tried again, and how much its agent had written', async () => {
  const task = finished({ state: 'failed', reason: 'exit code 3', error_class: 'crash', attempts: 3 });
  const outcome = { state: 'failed', reason: 'exit code 3', error_class: 'crash', output: 'half\n## a thing' } as const;
  const file = renderFinished({ task, outcome, source: Buffer.from('Grüße\n\n## The task as it was\n\nno') });
  const ended = await readEnded(storeOf(task, file), ref);
  expect(reportOf(ended ?? expect.fail(), {})).toMatchObject({
    ...{ dispatch_id: 'dispatch-login', status: 'failed', error: 'exit code 3', error_type: 'crash', retry_count: 2 },
    output_length: 'half\n## a thing'.length,
  });
});

test('a cancelled one that never began took no time; a result that was taken away is done without', async () => {
  const { started_at: _, ...rest } = finished({ state: 'cancelled', reason: 'not wanted', attempts: 0 });
  const ended = await readEnded(storeOf(rest, undefined), ref);
  const report = reportOf(ended ?? expect.fail(), {});
  expect(report).toMatchObject({ status: 'cancelled', duration: 0, output_length: 0, retry_count: 0 });
  expect(report).toMatchObject({ error: 'not wanted', error_type: null, target_agent: null });
  expect('result_path' in report).toBe(false);
});

test('an attempt that never began is no retry', async () => {
  const ended = await readEnded(storeOf(finished({ attempts: 3 }), undefined), ref);
  expect(reportOf(ended ?? expect.fail(), { retries: 1 })).toMatchObject({ retry_count: 1 });
});

test('nothing is said of a task while its project is away', async () => {
  const away = { ...storeOf(finished({}), undefined), owns: () => false };
  expect(await readEnded(away, ref)).toBeUndefined();
});
