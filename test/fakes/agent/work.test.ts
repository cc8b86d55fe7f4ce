import { expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { Stage } from './stage.ts';

const ID = '0f0f0f0f-1111-4222-8333-555555555555';

test('work in the background: a Stop that is not the end, then news with an id of its own, and another Stop', async () => {
  const stage = new Stage();
  const pane = await stage.start({ mode: 'acceptEdits', prompt: '[[background:700:all built]][[say:started]]' });
  const first = await stage.heard('Stop');
  expect(first).toMatchObject({ last_assistant_message: 'started', background_tasks: [{ status: 'running' }] });
  await pane.says('shell');
  const last = await stage.heard('Stop', 2);
  expect(last).toMatchObject({ last_assistant_message: 'all built', background_tasks: [] });
  const news = stage.reports('UserPromptSubmit')[1];
  expect(news?.prompt).toMatch(/^<task-notification>/);
  expect([news?.prompt_id, last.prompt_id]).toEqual([last.prompt_id, news?.prompt_id]);
  expect(last.prompt_id).not.toBe(first.prompt_id);
  await pane.says('idle');
});

test.each([
  ['error:429', 'rate_limit', 'API Error: Request rejected (429)'],
  ['error:529', 'server_error', 'API Error: 529 Overloaded'],
  ['error:401', 'authentication_failed', 'Invalid API key'],
  ['error:402', 'billing_error', 'Credit balance is too low'],
  ['error:toolong', 'invalid_request', 'Prompt is too long'],
  ['limit:seven_day:200000', 'rate_limit', "You've hit your weekly limit · resets "],
])('%s ends the turn as %s', async (marker, error, said) => {
  const stage = new Stage();
  const pane = await stage.start({ id: ID, prompt: `[[${marker}]][[say:never]]` });
  const failure = await stage.heard('StopFailure');
  expect(failure).toMatchObject({ error });
  expect(failure.last_assistant_message).toContain(said);
  await pane.says('idle');
  expect(stage.reports('Stop')).toEqual([]);
  expect(stage.transcript(ID).at(-1)).toMatchObject({ type: 'assistant', error, message: { model: '<synthetic>' } });
});

test('a limit of five hours: it goes on by itself at the reset', async () => {
  const stage = new Stage();
  const pane = await stage.start({ mode: 'acceptEdits', prompt: '[[limit:five_hour:2]][[write:log:on]]' });
  await stage.heard('StopFailure');
  await pane.shows('Continuing automatically at');
  await stage.heard('Stop');
  expect(stage.lines('log')).toEqual(['on']);
});

test('Escape cancels what would go on by itself', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[limit:five_hour:3600]][[say:no]]' });
  await stage.heard('StopFailure');
  await pane.shows('Continuing automatically at');
  await pane.press('Escape');
  await pane.shows('Automatic continue cancelled');
});

test('an error for so many turns, then the rest: nothing that was done is done again', async () => {
  const stage = new Stage();
  const pane = await stage.start({ mode: 'acceptEdits', prompt: '[[write:log:one]][[error:529x2]][[write:log:two]]' });
  await stage.heard('StopFailure');
  await pane.ready();
  await pane.submit('go on');
  await stage.heard('StopFailure', 2);
  await pane.says('idle');
  await pane.submit('go on');
  expect(await stage.heard('Stop')).toMatchObject({ last_assistant_message: 'Done.' });
  expect(stage.lines('log')).toEqual(['one', 'two']);
});

test.each(['refusal', 'max_tokens'])('%s: the hook says Stop, the last answer says why', async (reason) => {
  const stage = new Stage();
  await stage.start({ id: ID, prompt: `[[stop:${reason}]]` });
  await stage.heard('Stop');
  const answers = stage.transcript(ID).filter(({ type }) => type === 'assistant');
  expect(answers.map(({ message }) => message?.stop_reason)).toEqual([reason, reason]);
});

test('a command that fails is the model’s to deal with', async () => {
  const stage = new Stage();
  await stage.start({ mode: 'acceptEdits', prompt: '[[bash:echo oh; exit 3]][[echo]]' });
  expect(await stage.heard('PostToolUseFailure')).toMatchObject({ error: 'Exit code 3\noh' });
  expect(await stage.heard('Stop')).toMatchObject({ last_assistant_message: 'Exit code 3\noh' });
});

test('it ends to nothing, with or without a word', async () => {
  const stage = new Stage();
  const left = await stage.start({ prompt: '[[exit:7]]' });
  expect(await left.ended()).toBe('7');
  const killed = await stage.start({ prompt: '[[crash]]' });
  await until(() => stage.left().length === 0);
  expect(killed.state()).toMatchObject({ status: 'busy' }); // left behind
  expect(stage.reports('SessionEnd')).toEqual([]);
});

test('silent work shows nothing and reports nothing', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[silent]]' });
  await stage.heard('UserPromptSubmit');
  const screen = await pane.shows('esc to interrupt');
  await until(() => Date.now() > (pane.state()?.startedAt ?? 0) + 2_500);
  expect(await pane.screen()).toBe(screen);
  expect(pane.state()).toMatchObject({ status: 'busy' });
});
