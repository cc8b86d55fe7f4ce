import { expect, test } from 'vitest';
import { callbackBody } from '../../../src/runtime/callbacks/body.ts';
import { TaskId } from '../../../src/runtime/model/ids.ts';
import type { Ended } from '../../../src/runtime/reports/report.ts';

function ended(output: string): Ended {
  const task = {
    id: TaskId.parse('build'),
    state: 'done',
    title: 'Build',
    attempts: 2,
    queued_at: 0,
    finished_at: 1_000,
  };
  const project = { name: 'shop', path: '/shop' };
  return {
    task: task as Ended['task'],
    project,
    result_path: '/shop/done/build.md',
    output,
    output_length: output.length,
  };
}

test('names its end by id and attempt, and brings the result', () => {
  const body = JSON.parse(callbackBody(ended('It works.'), {}));
  expect(body).toMatchObject({ id: 'build', attempt: 2, status: 'completed', result: 'It works.' });
  expect(body).not.toHaveProperty('truncated');
});

test('a result beyond 64 KB is cut between two characters, and says so', () => {
  const body = JSON.parse(callbackBody(ended(`a${'é'.repeat(40_000)}`), {}));
  expect(body).toMatchObject({ truncated: true, output_length: 40_001, result_path: '/shop/done/build.md' });
  expect(body.result).toBe(`a${'é'.repeat(32_767)}`);
});
