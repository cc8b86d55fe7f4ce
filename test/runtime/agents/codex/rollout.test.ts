import { copyFile, mkdir, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accept } from '../../../../src/runtime/agents/codex/accept.ts';
import { readConversation } from '../../../../src/runtime/agents/codex/conversation.ts';
import { failureOf } from '../../../../src/runtime/agents/codex/failures.ts';
import { codexHeadless } from '../../../../src/runtime/agents/codex/headless.ts';
import { liveState } from '../../../../src/runtime/agents/codex/live.ts';
import { newestMessages } from '../../../../src/runtime/agents/codex/messages.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';

const files = new DiskFiles();
const ID = '01a1ff30-1afe-7e23-903f-ff986c038836';
let dir: string;
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'ym-rollout-')));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Written by the real program; long strings were cut, instructions left out. */
async function recorded(name: string): Promise<string> {
  const source = new URL(`../../../fixtures/transcripts/codex-0.169.0-${name}.jsonl`, import.meta.url);
  const path = join(dir, `rollout-2026-11-21T17-38-25-${ID}.jsonl`);
  await copyFile(fileURLToPath(source), path);
  return path;
}

describe('a conversation', () => {
  it('tells its last answer, the model, what it has used and what it was told', async () => {
    const found = await readConversation(files, await recorded('tool'), 0);
    expect(found).toMatchObject({
      answer: { text: 'done now', model: 'scripted' },
      context_tokens: 110,
      usage: { input_tokens: 200, output_tokens: 20, cache_read_tokens: 0, cache_write_tokens: 0 },
    });
    expect(found?.holds('[[shell:echo hi]]')).toBe(true);
    expect(found?.holds('environment_context')).toBe(false);
  });

  it('counts what came since an offset alone', async () => {
    const path = await recorded('resumed');
    const all = await readConversation(files, path, 0);
    expect(all?.holds('sleep 333') && all.holds('go on')).toBe(true);
    const none = await readConversation(files, path, (await stat(path)).size);
    expect(none).toMatchObject({ usage: { input_tokens: 0, output_tokens: 0 } });
    expect(await readConversation(files, join(dir, 'none'), 0)).toBeUndefined();
  });

  it('tells by model what it has used, and how full the windows of its account are', async () => {
    const path = await recorded('tool');
    expect(await readConversation(files, path, 0)).toMatchObject({
      spent: [{ model: 'scripted', tokens: { input_tokens: 200, output_tokens: 20 } }],
    });
    const at = '2026-11-21T18:00:00.000Z';
    const told = (primary: object, secondary: object | null) =>
      writeFile(
        path,
        `${JSON.stringify({
          ...{ timestamp: at, type: 'event_msg' },
          payload: { type: 'token_count', info: null, rate_limits: { primary, secondary } },
        })}\n`,
      );
    await told({ used_percent: 42.5, window_minutes: 300, resets_at: 1_795_292_948 }, null);
    expect((await readConversation(files, path, 0))?.windows).toEqual([
      { name: 'primary', used: 0.425, resets_at: 1_795_292_948_000, length_ms: 18_000_000 },
    ]);
    await told({ used_percent: 1 }, { used_percent: 99, window_minutes: 10_080, resets_in_seconds: 60 });
    expect((await readConversation(files, path, 0))?.windows).toEqual([
      { name: 'primary', used: 0.01 },
      { name: 'secondary', used: 0.99, resets_at: Date.parse(at) + 60_000, length_ms: 604_800_000 },
    ]);
  });

  it('is found by its name for a run without a terminal, which counts what came since it began', async () => {
    const day = join(dir, 'sessions', '2026', '11', '21');
    await mkdir(day, { recursive: true });
    await copyFile(await recorded('tool'), join(day, `rollout-2026-11-21T17-38-25-${ID}.jsonl`));
    const where = { home: '/nowhere', config_dir: dir, conversation: ID };
    const first = Date.parse('2026-11-21T17:38:25.000Z');
    const spent = (since: number) => codexHeadless.spent?.(files, { ...where, since });
    const inputs = async (since: number) => (await spent(since))?.spent.map(({ tokens }) => tokens.input_tokens);
    expect(await inputs(first)).toEqual([200]);
    expect(await inputs(first + 560)).toEqual([100]);
    expect(await inputs(first + 60_000)).toEqual([]);
    expect(await codexHeadless.spent?.(files, { ...where, conversation: 'x', since: 0 })).toBeUndefined();
  });

  it('is shown message by message', async () => {
    const messages = await newestMessages(files, await recorded('tool'), { count: 10, bytes: 10_000 });
    expect(messages.map(({ by, text }) => [by, text])).toEqual([
      ['user', '[[shell:echo hi]] [[say:done now]]'],
      ['tool', '/bin/bash -lc echo hi'],
      ['tool', 'hi'],
      ['agent', 'done now'],
    ]);
    expect(messages[0]?.at).toBe(Date.parse('2026-11-21T17:38:25.318Z'));
  });
});

describe('the newest turn', () => {
  const live = async (name: string) => liveState(files, { transcript: await recorded(name) });

  it('is over, or was stopped', async () => {
    expect(await live('tool')).toEqual({
      status: 'idle',
      at: Date.parse('2026-11-21T17:38:25.672Z'),
      conversation: ID,
    });
    expect(await live('interrupted')).toMatchObject({ status: 'idle' });
    expect(await live('interrupted')).not.toHaveProperty('failed');
  });

  it('has failed, and what that means', async () => {
    expect(await live('failed-401')).toMatchObject({ status: 'idle', failed: { class: 'auth', account: 'login' } });
    expect(await live('failed-429')).toMatchObject({
      failed: { class: 'rate_limit', reason: expect.stringContaining('429') },
    });
    expect(await live('failed-500')).toMatchObject({ failed: { class: 'crash' } });
    expect(failureOf({ message: '', codex_error_info: 'context_window_exceeded' })).toMatchObject({ fresh: true });
    expect(failureOf({ message: 'So much.', codex_error_info: 'usage_limit_exceeded' })).toMatchObject({
      account: 'limit',
      reason: 'So much.',
    });
  });

  it('is not known of a file that is none', async () => {
    expect(await liveState(files, {})).toBeUndefined();
    expect(await liveState(files, { transcript: join(dir, `rollout-x-${ID}.jsonl`) })).toBeUndefined();
  });
});

describe('before its start', () => {
  const where = () => ({ home: dir, cwd: join(dir, 'shop', 'web') });

  it('nothing is written, and nothing is asked of who has used it', async () => {
    expect(await accept({ files }, where())).toMatchObject({ code: 'not_possible' }); // there is no account
    await mkdir(join(dir, '.codex'));
    expect(await accept({ files }, where())).toBeUndefined();
  });

  it("a person's no to the folder, or one above it, stays", async () => {
    await mkdir(join(dir, '.codex'));
    const no = (folder: string) =>
      writeFile(join(dir, '.codex', 'config.toml'), `[projects."${folder}"]\ntrust_level = "untrusted"\n[tui]\n`);
    await no(join(dir, 'other'));
    expect(await accept({ files }, where())).toBeUndefined();
    await no(join(dir, 'shop'));
    expect(await accept({ files }, where())).toMatchObject({ message: expect.stringContaining('not trusted') });
  });
});
