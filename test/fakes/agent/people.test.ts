import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { Stage } from './stage.ts';

test('typed and pasted prompts: short ones as they are, long ones wrapped', async () => {
  const stage = new Stage();
  const pane = await stage.start();
  await pane.ready();
  await pane.type('one line; with "quotes" $HOME  ');
  await pane.press('Enter');
  expect((await stage.heard('UserPromptSubmit')).prompt).toBe('one line; with "quotes" $HOME');
  await stage.heard('Stop');
  await pane.paste('three\nshort\n\tlines');
  await pane.shows('short');
  await pane.press('Enter');
  expect((await stage.heard('UserPromptSubmit', 2)).prompt).toBe('three\nshort\n    lines');
  await stage.heard('Stop', 2);
  await pane.paste('a\nb\nc\nd');
  await pane.shows('[Pasted text #1 +3 lines]');
  await pane.press('Enter');
  const wrapped = /^\n\n<pasted_content id="([0-9a-f]{4})">\na\nb\nc\nd\n<\/pasted_content id="\1">\n$/;
  expect((await stage.heard('UserPromptSubmit', 3)).prompt).toMatch(wrapped);
  await stage.heard('Stop', 3);
  await pane.type('x'.repeat(900));
  await pane.shows('[Pasted text #1]');
});

test('an Enter at the first paint is lost; a second one submits', async () => {
  const stage = new Stage();
  const pane = await stage.start({ env: { FAKE_AGENT_DEAF_MS: '1500' } });
  await pane.shows('❯\u00a0');
  await pane.type('hello');
  await pane.press('Enter');
  await pane.shows('❯\u00a0hello');
  await until(() => Date.now() > (pane.state()?.startedAt ?? 0) + 1_800);
  expect(stage.reports('UserPromptSubmit')).toEqual([]);
  await pane.press('Enter');
  await stage.heard('UserPromptSubmit');
});

test('what is sent while it works joins the turn after the next tool: one Stop, the last answer', async () => {
  const stage = new Stage();
  const pane = await stage.start({
    mode: 'acceptEdits',
    prompt: '[[bash:until [ -e go ]; do sleep .05; done]][[say:first]]',
  });
  await stage.heard('PreToolUse');
  await pane.submit('[[say:second]]');
  const [first, second] = [await stage.heard('UserPromptSubmit'), await stage.heard('UserPromptSubmit', 2)];
  expect(second.prompt_id).toBe(first.prompt_id);
  await pane.shows('Press up to edit queued messages');
  writeFileSync(join(stage.project, 'go'), '');
  expect(await stage.heard('Stop')).toMatchObject({ last_assistant_message: 'second', prompt_id: first.prompt_id });
  await pane.says('idle');
  expect(stage.reports('Stop')).toHaveLength(1);
});

test('without a tool it is a turn of its own, under another id, and only its Stop says so', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[sleep:1500]][[say:first]]' });
  await stage.heard('UserPromptSubmit');
  await pane.submit('[[say:second]]');
  const [first, second] = [await stage.heard('Stop'), await stage.heard('Stop', 2)];
  expect([first.last_assistant_message, second.last_assistant_message]).toEqual(['first', 'second']);
  expect(second.prompt_id).not.toBe(first.prompt_id);
  expect(stage.reports('UserPromptSubmit')).toHaveLength(2);
});

test('Escape in a tool: it is stopped, nothing is reported, the state is idle', async () => {
  const stage = new Stage();
  const pane = await stage.start({ mode: 'acceptEdits', prompt: '[[bash:sleep 60; touch no]][[say:never]]' });
  await stage.heard('PreToolUse');
  await pane.shows('esc to interrupt');
  await pane.press('Escape');
  await pane.says('idle');
  await pane.shows('Interrupted · What should Claude do instead?');
  await until(() => stage.left().length === 1); // no shell, no sleep
  expect(stage.events()).toEqual(['SessionStart', 'UserPromptSubmit', 'PreToolUse']);
});

test('Escape before the first word puts the prompt back into the box', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[sleep:60000]][[say:never]]' });
  await stage.heard('UserPromptSubmit');
  await pane.shows('esc to interrupt');
  await pane.press('Escape');
  await pane.says('idle');
  await pane.shows('❯\u00a0[[sleep:60000]][[say:never]]');
});

test('a shell command and an unknown one are no prompts', async () => {
  const stage = new Stage();
  const pane = await stage.start();
  await pane.ready();
  await pane.submit('!touch by-hand; echo done >> log');
  await stage.heard('Stop');
  expect(stage.lines('log')).toEqual(['done']);
  await pane.submit('/nonsense');
  await pane.shows('Unknown command: /nonsense');
  expect(stage.reports('UserPromptSubmit')).toEqual([]);
});

test('/clear is another conversation; /exit is the end', async () => {
  const stage = new Stage();
  const pane = await stage.start();
  await pane.ready();
  await pane.submit('/clear');
  const again = await stage.heard('SessionStart', 2);
  expect(again).toMatchObject({ source: 'clear' });
  expect(again.session_id).not.toBe(stage.reports('SessionStart')[0]?.session_id);
  await pane.submit('/exit');
  expect(await pane.ended()).toBe('0');
  expect(await stage.heard('SessionEnd', 2)).toMatchObject({ reason: 'prompt_input_exit' });
  expect(pane.state()).toBeUndefined();
});

test('a person who splits and resizes sees all of it again', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[say:hello there]]' });
  await stage.heard('Stop');
  await stage.tmux('resize-window', '-t', 'pane1', '-x', '70', '-y', '20');
  await until(async () => /^─{70}$/m.test(await pane.screen()));
  await pane.shows('● hello there');
});
