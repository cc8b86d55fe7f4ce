import { expect, test } from 'vitest';
import { HeadlessRun } from './headless-run.ts';
import { Stage } from './stage.ts';

test('it does what it is told, says so line by line, and ends with its input', async () => {
  const stage = new Stage();
  const run = new HeadlessRun(stage).tell('[[write:log:one]][[say:written]]');
  expect(await run.finish()).toBe(0);
  expect(stage.lines('log')).toEqual(['one']);
  expect(run.lines.map(({ type }) => type)).toEqual(['system', 'user', 'assistant', 'user', 'assistant', 'result']);
  expect(run.reader.now).toMatchObject({ idle: true, results: 1, turns: 2, answer: { text: 'written' } });
});
