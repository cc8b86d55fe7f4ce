import { expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { Stage } from './stage.ts';

const allow = { behavior: 'allow' };

test('the hook that waits allows it: the dialog closes, the tool runs', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[write:log:asked]][[say:done]]' });
  const request = await stage.heard('PermissionRequest');
  await pane.shows('❯ 1. Yes');
  expect(pane.state()).toMatchObject({ status: 'waiting', waitingFor: 'permission prompt' });
  expect(stage.lines('log')).toEqual([]);
  stage.answer(request, allow);
  await stage.heard('Stop');
  expect(stage.lines('log')).toEqual(['asked']);
});

test('the hook denies it: the model reads why and goes on', async () => {
  const stage = new Stage();
  await stage.start({ prompt: '[[write:log:no]][[echo]]' });
  stage.answer(await stage.heard('PermissionRequest'), { behavior: 'deny', message: 'not in this folder' });
  expect(await stage.heard('Stop')).toMatchObject({ last_assistant_message: 'not in this folder' });
  expect(stage.lines('log')).toEqual([]);
  expect(stage.reports('PostToolUse')).toEqual([]);
});

test('an empty answer leaves it to the person, whose key is obeyed', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[write:log:yes]]' });
  stage.answer(await stage.heard('PermissionRequest'), undefined);
  await pane.press('1');
  await stage.heard('Stop');
  expect(stage.lines('log')).toEqual(['yes']);
});

test('the person is first: the hook’s late answer changes nothing', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[write:log:first]][[write:log:second]]' });
  const request = await stage.heard('PermissionRequest');
  await pane.shows('Do you want to create log?');
  await pane.press('1');
  await stage.heard('PermissionRequest', 2);
  stage.answer(request, { behavior: 'deny', message: 'too late' });
  await until(() => stage.lines('log').length === 1);
  expect(stage.reports('PostToolUse')).toHaveLength(1);
});

test('a person refuses: the turn is over, no hook says so, the state is idle', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[ask-permission:touch no]][[say:never]]', mode: 'acceptEdits' });
  await pane.shows('Do you want to proceed?');
  await pane.press('Escape');
  await pane.says('idle');
  await pane.shows('Interrupted · What should Claude do instead?');
  expect(stage.events()).not.toContain('Stop');
});

test('text typed into a dialog is lost, and its Enter says yes', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[write:log:by accident]]' });
  await pane.shows('❯ 1. Yes');
  await pane.paste('please also run the tests');
  await pane.press('Enter');
  await stage.heard('Stop');
  expect(stage.lines('log')).toEqual(['by accident']);
  expect(stage.reports('UserPromptSubmit')).toHaveLength(1);
});

test('a question is answered by the hook, or by a person', async () => {
  const stage = new Stage();
  const pane = await stage.start({
    mode: 'bypassPermissions',
    prompt: '[[question:Which db?|pg|mysql]][[echo]][[question:Sure?|yes|no]][[echo]]',
  });
  const request = (await stage.heard('PermissionRequest')) as unknown as { tool_input: object };
  expect(request).toMatchObject({ tool_name: 'AskUserQuestion' });
  expect(pane.state()).toMatchObject({ status: 'waiting', waitingFor: 'input needed' });
  const updatedInput = { ...request.tool_input, answers: { 'Which db?': 'pg' } };
  stage.answer(await stage.heard('PermissionRequest'), { ...allow, updatedInput });
  stage.answer(await stage.heard('PermissionRequest', 2), allow); // without answers: for a person
  await pane.shows('Enter to select');
  await pane.press('2');
  const { last_assistant_message } = await stage.heard('Stop');
  expect(last_assistant_message).toContain('"Sure?"="no"');
  expect(stage.reports('PostToolUse')[0]?.tool_response).toMatchObject({ answers: { 'Which db?': 'pg' } });
});

test('what is allowed from the start, or in every mode, is not asked', async () => {
  const stage = new Stage();
  await stage.start({ prompt: '[[bash:echo a >> log]]', args: ['--allowedTools', 'Bash(echo *)'] });
  await stage.heard('Stop');
  await stage.start({ prompt: '[[ask-permission:echo b >> log]]', mode: 'bypassPermissions' });
  await stage.heard('Stop', 2);
  await stage.start({ prompt: '[[bash:echo c >> log]][[say:denied]]', mode: 'dontAsk' });
  await stage.heard('Stop', 3);
  expect(stage.lines('log')).toEqual(['a', 'b']);
  expect(stage.reports('PermissionRequest')).toEqual([]);
});

test('a dialog that nobody answers is announced once more', async () => {
  const stage = new Stage();
  await stage.start({ prompt: '[[write:log:x]]', env: { FAKE_AGENT_NOTICE_MS: '100' } });
  expect(await stage.heard('Notification')).toMatchObject({ notification_type: 'permission_prompt' });
});
