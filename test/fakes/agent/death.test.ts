import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { Stage } from './stage.ts';

const ID = '0f0f0f0f-1111-4222-8333-666666666666';

test('its pane is closed: the hooks hear of the end, and nothing is left', async () => {
  const stage = new Stage();
  const pane = await stage.start({ id: ID, mode: 'acceptEdits', prompt: '[[bash:sleep 60]]' });
  await stage.heard('PreToolUse');
  await pane.close();
  expect(await stage.heard('SessionEnd')).toMatchObject({ reason: 'other' });
  await until(() => stage.left().length === 0);
  expect(pane.state()).toBeUndefined();
});

test('kill -9 in a tool leaves its child running; a resumed one does what is left, and nothing twice', async () => {
  const stage = new Stage();
  const prompt = '[[write:log:one]][[bash:touch began; sleep 2; touch outlived]][[write:log:two]][[say:finished]]';
  const pane = await stage.start({ id: ID, mode: 'acceptEdits', prompt });
  await until(() => existsSync(join(stage.project, 'began')));
  process.kill(pane.pid, 'SIGKILL');
  await until(() => existsSync(join(stage.project, 'outlived')));
  expect(stage.reports('SessionEnd')).toEqual([]);
  const args = ['--resume', ID];
  const again = await stage.start({ args, mode: 'acceptEdits', prompt: 'The agent was killed. Go on.' });
  expect(await stage.heard('SessionStart', 2)).toMatchObject({ source: 'resume', session_id: ID });
  expect(await stage.heard('Stop')).toMatchObject({ last_assistant_message: 'finished', session_id: ID });
  expect(stage.lines('log')).toEqual(['one', 'two']);
  expect(JSON.stringify(stage.transcript(ID))).toContain('its outcome is unknown');
  await again.shows('● finished');
});

test('resumed by itself it does not go on', async () => {
  const stage = new Stage();
  const pane = await stage.start({ id: ID, mode: 'acceptEdits', prompt: '[[write:log:one]][[hang]]' });
  await stage.heard('PostToolUse');
  process.kill(pane.pid, 'SIGKILL');
  const again = await stage.start({ args: ['--resume', ID], mode: 'acceptEdits' });
  await again.ready();
  expect(stage.reports('UserPromptSubmit')).toHaveLength(1);
});

test('a write whose outcome nobody recorded is looked for, not repeated', async () => {
  const stage = new Stage();
  const pane = await stage.start({ id: ID, prompt: '[[write:log:one]][[write:log:two]][[say:ok]]' });
  await stage.heard('PermissionRequest');
  process.kill(pane.pid, 'SIGKILL');
  appendFileSync(join(stage.project, 'log'), 'one\n'); // as if it had been killed right after
  await stage.start({ args: ['--resume', ID], mode: 'acceptEdits', prompt: 'Go on.' });
  await stage.heard('Stop');
  expect(stage.lines('log')).toEqual(['one', 'two']);
});

test('another account goes on with the conversation by its path, in the same file', async () => {
  const stage = new Stage();
  const other = join(stage.root, 'other-account');
  stage.accept(other);
  const pane = await stage.start({
    id: ID,
    mode: 'acceptEdits',
    prompt: '[[write:log:one]][[limit:five_hour:3600]][[write:log:two]]',
  });
  await stage.heard('StopFailure');
  await pane.close();
  const args = ['--resume', stage.transcriptPath(ID)];
  await stage.start({ args, config: other, mode: 'acceptEdits', prompt: 'Go on.' });
  expect(await stage.heard('Stop')).toMatchObject({ session_id: ID });
  expect(stage.lines('log')).toEqual(['one', 'two']);
  expect(existsSync(stage.transcriptPath(ID, other))).toBe(false);
});

test('killed between its last word and its end, it says that word again', async () => {
  const stage = new Stage();
  writeFileSync(stage.hold, '');
  const pane = await stage.start({ id: ID, prompt: '[[say:the result]]' });
  await stage.heard('Stop');
  process.kill(pane.pid, 'SIGKILL');
  rmSync(stage.hold);
  await stage.start({ args: ['--resume', ID], prompt: 'Go on.' });
  expect(await stage.heard('Stop', 2)).toMatchObject({ last_assistant_message: 'the result' });
});

test('resumed and told the whole task again, it does only what is left of it', async () => {
  const stage = new Stage();
  const prompt = '[[write:log:one]][[write:log:two]][[say:the result]]';
  const pane = await stage.start({ id: ID, mode: 'acceptEdits', prompt: `${prompt} first time` });
  await stage.heard('Stop');
  process.kill(pane.pid, 'SIGKILL');
  const args = ['--resume', ID];
  const again = await stage.start({ args, mode: 'acceptEdits', prompt: `${prompt} second time` });
  expect(await stage.heard('Stop', 2)).toMatchObject({ last_assistant_message: 'the result' });
  await again.close();
  await stage.start({ args, mode: 'acceptEdits', prompt: 'Go on.' });
  expect(await stage.heard('Stop', 3)).toMatchObject({ last_assistant_message: 'the result' });
  expect(stage.lines('log')).toEqual(['one', 'two']);
});

test('a stubborn one outlives its pane', async () => {
  const stage = new Stage();
  const pane = await stage.start({ prompt: '[[stubborn]][[sleep:200]][[say:Here I stay.]][[hang]]' });
  await pane.shows('Here I stay.'); // it is stubborn by then
  await pane.close();
  await until(() => existsSync(`/proc/${pane.pid}`));
  process.kill(pane.pid, 'SIGTERM');
  await until(() => stage.left().includes(pane.pid));
  expect(stage.reports('SessionEnd')).toEqual([]);
});
