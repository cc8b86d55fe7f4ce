import { appendFile, copyFile, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConversation, readSubagents } from '../../../../src/runtime/agents/claude/conversation.ts';
import { newestMessages } from '../../../../src/runtime/agents/claude/messages.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';

const files = new DiskFiles();
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ym-transcript-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Written by the real program; long strings were cut. */
const recorded = (name: string) =>
  fileURLToPath(new URL(`../../../fixtures/transcripts/claude-2.1.329-${name}.jsonl`, import.meta.url));

const assistant = (id: string, text: string, other: object = {}) =>
  `${JSON.stringify({
    isSidechain: false,
    type: 'assistant',
    timestamp: '2026-11-21T16:00:00.000Z',
    message: {
      id,
      role: 'assistant',
      model: 'claude-opus-5-5',
      content: [{ type: 'text', text }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 10, output_tokens: 1, cache_read_input_tokens: 5, cache_creation_input_tokens: 2 },
    },
    ...other,
  })}\n`;
const user = (text: string, other: object = {}) =>
  `${JSON.stringify({ isSidechain: false, type: 'user', message: { role: 'user', content: text }, ...other })}\n`;

async function reading(text: string, from = 0) {
  const path = join(dir, 'c.jsonl');
  await writeFile(path, text);
  return readConversation(files, path, from);
}

describe('a conversation that was recorded', () => {
  it('tells its last answer, what it used and what it cost', async () => {
    const told = await readConversation(files, recorded('background-resumed'), 0);
    expect(told?.answer).toEqual({ text: 'second process', stop_reason: 'end_turn', model: 'claude-opus-5-5' });
    expect(told?.usage).toMatchObject({ input_tokens: 12_829, output_tokens: 69, cost_usd: 0.052696 });
    expect(told?.context_tokens).toBe(3_400);
    expect(told?.holds('[[bg:sleep 3]][[say:started it]]')).toBe(true);
    expect(told?.holds('never said')).toBe(false);
  });

  it('counts what was spent since a place in it', async () => {
    const path = join(dir, 'c.jsonl');
    await copyFile(recorded('error-refusal'), path);
    const { size } = await stat(path);
    await appendFile(path, `${user('go on')}${assistant('m9', 'gone on')}{"type":"cost-state","totalCostUSD":0.1}\n`);
    const told = await readConversation(files, path, size);
    expect(told?.usage).toMatchObject({
      input_tokens: 10,
      output_tokens: 1,
      cache_read_tokens: 5,
      cache_write_tokens: 2,
    });
    expect(told?.usage.cost_usd).toBeCloseTo(0.1 - 0.08128, 6);
    expect([told?.holds('go on'), told?.holds('[[error:401]]')]).toEqual([true, false]);
  });

  it('knows what was typed while it worked', async () => {
    expect((await readConversation(files, recorded('queued'), 0))?.holds('hello queued nonce77')).toBe(true);
  });

  it('tells that the last answer was refused or cut', async () => {
    for (const stop_reason of ['refusal', 'max_tokens']) {
      const message = { id: 'm', model: 'x', content: [{ type: 'text', text: 'no' }], stop_reason };
      expect((await reading(assistant('m', '', { message })))?.answer).toMatchObject({ text: 'no', stop_reason });
    }
  });
});

describe('what counts', () => {
  it('is each message once, however many blocks it was written in', async () => {
    const block = (text: string, stop_reason: string | null, output_tokens: number) =>
      assistant('m1', '', {
        message: {
          id: 'm1',
          model: 'x',
          stop_reason,
          content: [
            { type: 'thinking', thinking: 'hm' },
            { type: 'text', text },
          ],
          usage: { input_tokens: 7, output_tokens },
        },
      });
    const told = await reading(block('one', null, 1) + block('two', 'end_turn', 9));
    expect(told?.answer).toEqual({ text: 'one\ntwo', stop_reason: 'end_turn', model: 'x' });
    expect(told?.usage).toMatchObject({ input_tokens: 7, output_tokens: 9 });
  });

  it('is nothing that a subagent or the program itself said', async () => {
    const synthetic = { message: { id: 's', model: '<synthetic>', content: [{ type: 'text', text: 'API Error' }] } };
    const told = await reading(
      user('real') +
        assistant('m1', 'mine') +
        assistant('m2', 'of a subagent', { isSidechain: true }) +
        user('to a subagent', { isSidechain: true }) +
        user('made by the program', { isMeta: true }) +
        assistant('s', '', synthetic),
    );
    expect(told?.answer?.text).toBe('mine');
    expect(told?.usage.input_tokens).toBe(10);
    expect([told?.holds('real'), told?.holds('to a subagent'), told?.holds('made by')]).toEqual([true, false, false]);
  });

  it('is no last line that is half written', async () => {
    const whole = user('real') + assistant('m1', 'mine');
    const half = assistant('m2', 'not yet whole');
    for (const cut of [1, half.length >> 1, half.length - 3])
      expect((await reading(whole + half.slice(0, cut)))?.answer?.text).toBe('mine');
    expect((await reading(`${whole}{"type":"assistant" broken}\n\n${half}`))?.answer?.text).toBe('not yet whole');
  });

  it('is found wherever typed text got other blanks', async () => {
    const told = await reading(user('Do\n    this:\n\tthat'));
    expect(told?.holds('Do this:\tthat ')).toBe(true);
  });

  it('is clean', async () => {
    expect((await reading(assistant('m', 'a\u001b]0;x\u0007b ❤️')))?.answer?.text).toBe('ab ❤️');
  });
});

describe('its file', () => {
  it('may be missing, or no file at all', async () => {
    expect(await readConversation(files, join(dir, 'none'), 0)).toBeUndefined();
    await symlink(recorded('queued'), join(dir, 'link'));
    expect(await readConversation(files, join(dir, 'link'), 0)).toBeUndefined();
    expect(await newestMessages(files, join(dir, 'link'), { count: 5, bytes: 999 })).toEqual([]);
  });

  it('may be shorter than the place where reading begins', async () => {
    expect((await reading(user('x'), 1_000_000))?.holds('x')).toBe(false);
  });

  it('may be long, with lines of megabytes: memory does not follow', async () => {
    const path = join(dir, 'long.jsonl');
    await writeFile(path, user('first words') + assistant('m0', 'early'));
    const noise = `${JSON.stringify({ type: 'api-request-blob', message: { content: 'x'.repeat(500_000) } })}\n`;
    await appendFile(path, noise.repeat(60));
    await appendFile(path, user('y'.repeat(17_000_000)));
    await appendFile(path, assistant('m1', 'late'));
    const before = process.memoryUsage().rss;
    const told = await readConversation(files, path, 0);
    expect([told?.answer?.text, told?.holds('first words'), told?.holds('yyy')]).toEqual(['late', true, false]);
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });
});

describe('the newest messages', () => {
  it('are told oldest first, with what tools did', async () => {
    const messages = await newestMessages(files, recorded('queued'), { count: 5, bytes: 100_000 });
    expect(messages.map(({ by, text }) => [by, text.slice(0, 60)])).toEqual([
      ['user', '[[bash:sleep 4]][[say:a]]'],
      ['tool', 'Bash {"command":"sleep 4","description":"Run a scripted comm'],
      ['tool', '(Bash completed with no output)'],
      ['user', 'hello queued nonce77'],
      ['agent', 'a'],
    ]);
    expect(messages[0]?.at).toBe(Date.parse('2026-11-21T16:33:07.992Z'));
  });

  it('are as many as asked for, in count and bytes', async () => {
    const path = join(dir, 'c.jsonl');
    await writeFile(path, Array.from({ length: 50 }, (_, i) => assistant(`m${i}`, `text ${i}`)).join(''));
    const texts = async (count: number, bytes: number) =>
      (await newestMessages(files, path, { count, bytes })).map(({ text }) => text);
    expect(await texts(2, 1_000)).toEqual(['text 48', 'text 49']);
    expect(await texts(50, 20)).toEqual(['text 48', 'text 49']);
    expect(await texts(0, 20)).toEqual([]);
  });

  it('are found before megabytes of other lines', async () => {
    const noise = `${JSON.stringify({ type: 'api-request-blob', message: 'x'.repeat(700_000) })}\n`;
    const path = join(dir, 'c.jsonl');
    await writeFile(path, user('where is it?') + noise.repeat(3));
    const [message] = await newestMessages(files, path, { count: 3, bytes: 1_000 });
    expect(message?.text).toBe('where is it?');
  });

  it('are cut where one is too long', async () => {
    const path = join(dir, 'c.jsonl');
    await writeFile(path, user('z'.repeat(9_000)));
    const [message] = await newestMessages(files, path, { count: 3, bytes: 100_000 });
    expect(message?.text).toMatch(/^z{8000} \[… 1000 more characters]$/);
  });
});

describe('what was spent', () => {
  const tokens = { input_tokens: 10, output_tokens: 1, cache_read_tokens: 5, cache_write_tokens: 2 };

  it('is told by model, once a message', async () => {
    const text = [assistant('a', 'one'), assistant('a', 'more of it'), assistant('b', 'two')].join('');
    expect((await reading(text))?.spent).toEqual([
      {
        model: 'claude-opus-5-5',
        tokens: { input_tokens: 20, output_tokens: 2, cache_read_tokens: 10, cache_write_tokens: 4 },
      },
    ]);
  });

  it('stands in files of their own where subagents did it, of this attempt alone', async () => {
    const path = join(dir, 'c.jsonl');
    const since = Date.parse('2026-11-21T15:30:00.000Z');
    expect(await readSubagents(files, path, since)).toEqual([]);
    const folder = join(dir, 'c', 'subagents');
    await mkdir(folder, { recursive: true });
    const inside = { isSidechain: true };
    const old = { ...inside, timestamp: '2026-11-21T15:00:00.000Z' };
    await writeFile(join(folder, 'agent-1.jsonl'), assistant('a', 'x', inside) + assistant('b', 'before', old));
    await writeFile(join(folder, 'agent-1.meta.json'), '{}');
    expect(await readSubagents(files, path, since)).toEqual([{ model: 'claude-opus-5-5', tokens }]);
  });
});
