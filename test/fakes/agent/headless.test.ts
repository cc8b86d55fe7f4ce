import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claudeHeadless } from '../../../src/runtime/agents/claude/headless.ts';
import { until } from '../../support/world.ts';
import { HeadlessRun } from './headless-run.ts';
import { Stage } from './stage.ts';

const ID = '0f0f0f0f-1111-4222-8333-777777777777';

test('it does what it is told, says so line by line, and ends with its input', async () => {
  const stage = new Stage();
  const run = new HeadlessRun(stage).tell('[[write:log:one]][[say:written]]');
  expect(await run.finish()).toBe(0);
  expect(stage.lines('log')).toEqual(['one']);
  expect(run.lines.map(({ type }) => type)).toEqual(['system', 'user', 'assistant', 'user', 'assistant', 'result']);
  expect(run.reader.now).toMatchObject({ idle: true, results: 1, turns: 2, answer: { text: 'written' } });
});

test('without a word said to it, it says none', async () => {
  const run = new HeadlessRun(new Stage());
  expect(await run.finish()).toBe(0);
  expect(run.lines).toEqual([]);
});

test('the end of its input ends nothing that it was told, nor its work in the background', async () => {
  const stage = new Stage();
  const run = new HeadlessRun(stage).tell('[[background:500:all built]][[say:started]]').tell('[[say:two]]');
  expect(await run.finish()).toBe(0);
  expect(run.all('result').at(-1)).toMatchObject({ result: 'all built' });
  expect(run.reader.now).toMatchObject({ idle: true, answer: { text: 'all built' } });
});

test('work in the background: a result that is not the end', async () => {
  const run = new HeadlessRun(new Stage()).tell('[[background:700:all built]][[say:started]]');
  await until(() => run.reader.now.results === 1);
  expect(run.reader.now).toMatchObject({ idle: false, answer: { text: 'started' } });
  await run.idle();
  expect(run.reader.now).toMatchObject({ results: 2, answer: { text: 'all built' } });
  expect(await run.finish()).toBe(0);
});

test('a message joins the turn after a tool', async () => {
  const run = new HeadlessRun(new Stage()).tell('[[bash:sleep 0.6]][[say:one]]');
  await run.shows('Bash sleep');
  run.tell('[[say:two]]');
  expect(await run.finish()).toBe(0);
  expect(run.shown.map(({ by }) => by)).toEqual(['user', 'tool', 'user', 'agent', 'agent']);
  expect(run.reader.now).toMatchObject({ results: 1, answer: { text: 'two' } });
});

test('a message without a tool to follow makes a turn of its own', async () => {
  const run = new HeadlessRun(new Stage()).tell('[[sleep:400]][[say:one]]').tell('[[say:two]]');
  expect(await run.finish()).toBe(0);
  expect(run.all('result').map(({ result }) => result)).toEqual(['one', 'two']);
});

test('interrupted in a tool: a result that says so, and the next message is heard', async () => {
  const stage = new Stage();
  const run = new HeadlessRun(stage).tell('[[bash:touch began; sleep 60]][[say:never]]');
  await until(() => existsSync(join(stage.project, 'began')));
  run.interrupt();
  await run.idle();
  expect(run.all('control_response')).toMatchObject([{ response: { subtype: 'success', request_id: 'r1' } }]);
  expect(run.all('result')).toMatchObject([{ subtype: 'error_during_execution', terminal_reason: 'aborted_tools' }]);
  expect(await run.tell('[[say:after]]').finish()).toBe(0);
  expect(run.reader.now).toMatchObject({ results: 2, answer: { text: 'after' } });
});

test('interrupted, and nothing follows: exit code 1', async () => {
  const run = new HeadlessRun(new Stage()).tell('[[hang]]');
  await run.shows('[[hang]]');
  run.interrupt();
  await run.idle();
  expect(await run.finish()).toBe(1);
  expect(run.reader.now.failure).toMatchObject({ class: 'crash' });
});

test('a request waits at its hook; allowed, it is done', async () => {
  const stage = new Stage();
  const run = new HeadlessRun(stage).tell('[[ask-permission:touch made]][[say:done]]');
  stage.answer(await stage.heard('PermissionRequest'), { behavior: 'allow' });
  await run.idle();
  expect(await run.finish()).toBe(0);
  expect(existsSync(join(stage.project, 'made'))).toBe(true);
  expect(run.reader.now).toMatchObject({ denials: [], answer: { text: 'done' } });
});

test('denied, it goes on without it, and says so in its result', async () => {
  const stage = new Stage();
  const run = new HeadlessRun(stage, { mode: 'default' }).tell('[[bash:touch made]][[echo]]');
  stage.answer(await stage.heard('PermissionRequest'), { behavior: 'deny', message: 'not today' });
  await run.idle();
  expect(await run.finish()).toBe(0);
  expect(existsSync(join(stage.project, 'made'))).toBe(false);
  const denials = [{ tool: 'Bash', input: 'touch made' }];
  expect(run.reader.now).toMatchObject({ denials, answer: { text: 'not today' } });
});

test('a question is answered by its hook', async () => {
  const stage = new Stage();
  const run = new HeadlessRun(stage).tell('[[question:Which db?|pg|mysql]][[echo]]');
  const report = await stage.heard('PermissionRequest');
  const questions = [{ question: 'Which db?', options: [] }];
  stage.answer(report, { behavior: 'allow', updatedInput: { questions, answers: { 'Which db?': 'pg' } } });
  await run.idle();
  expect(await run.finish()).toBe(0);
  expect(run.reader.now.answer?.text).toContain('"Which db?"="pg"');
});

test('what it can’t ask any more, since its input has ended, was refused by nobody', async () => {
  const stage = new Stage();
  const before = new HeadlessRun(stage).tell('[[sleep:300]][[ask-permission:touch made]][[say:without]]');
  expect(await before.finish()).toBe(0);
  expect(before.reader.now.failure).toMatchObject({ class: 'crash', reason: expect.stringContaining('could not ask') });
  const meanwhile = new HeadlessRun(stage).tell('[[ask-permission:touch made]][[say:without]]');
  await stage.heard('PermissionRequest', 2);
  expect(await meanwhile.finish()).toBe(0);
  expect(meanwhile.reader.now.failure).toMatchObject({ class: 'crash' });
  expect(existsSync(join(stage.project, 'made'))).toBe(false);
});

test('where nobody answers it is refused, and questions are no tool at all', async () => {
  const stage = new Stage();
  const run = new HeadlessRun(stage, { mode: 'default', hooks: false });
  run.tell('[[bash:touch made]][[question:Which?|a|b]][[echo]]');
  expect(await run.finish()).toBe(0);
  expect(run.reader.now.denials).toEqual([{ tool: 'Bash', input: 'touch made' }]);
  expect(run.reader.now.answer?.text).toContain('AskUserQuestion is disabled');
});

test.each([
  ['error:429', { class: 'rate_limit' }],
  ['error:529', { class: 'rate_limit' }],
  ['error:500', { class: 'crash' }],
  ['error:401', { class: 'auth', account: 'login' }],
  ['error:402', { class: 'billing', account: 'billing' }],
  ['error:404', { class: 'invalid', final: true }],
  ['error:toolong', { class: 'context_overflow', fresh: true }],
  ['limit:five_hour:3600', { class: 'rate_limit', account: 'limit', reset_at: expect.any(Number) }],
])('%s: a success that is an error, and exit code 1', async (marker, failure) => {
  const run = new HeadlessRun(new Stage()).tell(`[[${marker}]][[say:never]]`);
  expect(await run.finish()).toBe(1);
  expect(run.all('result')).toMatchObject([{ subtype: 'success', is_error: true }]);
  expect(run.reader.now.failure).toMatchObject(failure);
});

test('what it may spend', async () => {
  const stage = new Stage();
  const turns = new HeadlessRun(stage, { args: ['--max-turns=1'] }).tell('[[write:log:one]][[write:log:two]]');
  expect(await turns.finish()).toBe(1);
  expect(stage.lines('log')).toEqual(['one']);
  expect(turns.reader.now.failure).toMatchObject({ class: 'logic_error', final: true });
  const money = new HeadlessRun(stage, { args: ['--max-budget-usd=0.5'] });
  expect(await money.tell('[[usage:500000]][[write:log:three]][[say:never]]').finish()).toBe(1);
  expect(money.reader.now.failure?.reason).toMatch(/Reached maximum budget \(\$0.5\); spent until then: .*, \$2\./);
});

test('a structured result, in the form that was asked for', async () => {
  const schema = JSON.stringify({ type: 'object', required: ['name'] });
  const args = [`--json-schema=${schema}`];
  const run = new HeadlessRun(new Stage(), { args }).tell('[[json:{"nme":1}]][[json:{"name":"Ann"}]][[say:never]]');
  expect(await run.finish()).toBe(0);
  expect(run.reader.now.answer).toEqual({ text: '{"name":"Ann"}', structured: { name: 'Ann' } });
  const never = new HeadlessRun(new Stage(), { args }).tell('[[say:no]]');
  expect(await never.finish()).toBe(0);
  expect(never.reader.now.answer).toEqual({ text: 'no' });
});

test('SIGTERM in a tool: 143, no result, and the tool is gone', async () => {
  const stage = new Stage();
  const run = new HeadlessRun(stage).tell('[[bash:touch began; sleep 60]]');
  await until(() => existsSync(join(stage.project, 'began')));
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(143);
  expect(run.all('result')).toEqual([]);
  await until(() => stage.left().length === 0);
});

test('SIGINT: exit code 0 and no success', async () => {
  const run = new HeadlessRun(new Stage()).tell('[[hang]]');
  await run.shows('[[hang]]');
  run.child.kill('SIGINT');
  expect(await run.ended).toBe(0);
  expect(run.all('result')).toEqual([]);
  expect(run.shown.at(-1)?.text).toBe('[Request interrupted by user]');
});

test('kill -9 in a tool: resumed it does what is left, and only counts what that costs', async () => {
  const stage = new Stage();
  const prompt = '[[write:log:one]][[bash:touch began; sleep 1]][[write:log:two]][[say:finished]]';
  const killed = new HeadlessRun(stage, { id: ID }).tell(prompt);
  await until(() => existsSync(join(stage.project, 'began')));
  killed.child.kill('SIGKILL');
  await killed.ended;
  const again = new HeadlessRun(stage, { args: [`--resume=${ID}`] }).tell('Go on.');
  expect(await again.finish()).toBe(0);
  expect(stage.lines('log')).toEqual(['one', 'two']);
  expect(again.reader.now).toMatchObject({ conversation: ID, answer: { text: 'finished' } });
  const third = new HeadlessRun(stage, { args: [`--resume=${stage.transcriptPath(ID)}`] }).tell('[[say:third]]');
  expect(await third.finish()).toBe(0);
  const { total_cost_usd } = third.all('result')[0] as { total_cost_usd: number };
  expect(third.reader.now.usage?.cost_usd).toBeLessThan(total_cost_usd);
  expect(third.reader.now.answer).toEqual({ text: 'third' });
});

test.each([
  [['--nonsense'], "error: unknown option '--nonsense'", { class: 'invalid', final: true }],
  [['--session-id=zzz'], 'Error: Invalid session ID. Must be a valid UUID.', { class: 'invalid', final: true }],
  [[`--resume=${ID}`], `No conversation found with session ID: ${ID}`, { class: 'crash', fresh: true }],
  [['--json-schema={"type":"nonsense"}'], 'not a valid JSON Schema', { class: 'invalid', final: true }],
])('%j: it complains, and ends', async (args, complaint, failure) => {
  const run = new HeadlessRun(new Stage(), { args }).tell('[[say:hello]]');
  expect(await run.finish()).toBe(1);
  expect(run.stderr).toContain(complaint);
  const end = { kind: 'exited', code: 1, started_at: 0, ended_at: 1 } as const;
  const { now: state } = run.reader;
  const verdict = claudeHeadless.judge({ state, end, stderr: run.stderr, wants_structured: false, now: 1 });
  expect(verdict).toMatchObject({ kind: 'failed', failure });
});

test('what is no message ends it', async () => {
  const run = new HeadlessRun(new Stage());
  run.child.stdin?.write('{nonsense\n');
  expect(await run.ended).toBe(1);
  expect(run.stderr).toContain('Error parsing streaming input line');
});

test('ends that have no words', async () => {
  const stage = new Stage();
  expect(await new HeadlessRun(stage).tell('[[exit:7]]').finish()).toBe(7);
  expect(await new HeadlessRun(stage).tell('[[crash]]').finish()).toBe('SIGKILL');
  const stubborn = new HeadlessRun(stage).tell('[[stubborn]][[say:Here I stay.]][[hang]]');
  await stubborn.says('Here I stay.');
  stubborn.child.kill('SIGTERM');
  stubborn.interrupt();
  await stubborn.idle();
  expect(await stubborn.finish()).toBe(1);
});
