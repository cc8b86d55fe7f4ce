import { appendFile, copyFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConversation } from '../../../../src/runtime/agents/gemini/conversation.ts';
import { newestMessages } from '../../../../src/runtime/agents/gemini/messages.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';

const files = new DiskFiles();
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ym-gemini-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Written by the real program; what is long was cut. */
const recorded = (name: string) =>
  fileURLToPath(new URL(`../../../fixtures/transcripts/gemini-0.61.0-${name}.jsonl`, import.meta.url));

const tokens = { input: 100, output: 10, cached: 5, thoughts: 2, tool: 0, total: 110 };
const said = (id: string, type: string, content: unknown, more: object = {}) => ({
  ...{ id, timestamp: '2026-11-21T17:47:07.709Z', type, content },
  ...more,
});
const ERROR = '[API Error: {"error":{"code":400,"message":"bad thing","status":"INVALID_ARGUMENT"}}]';

async function written(...records: readonly object[]): Promise<string> {
  const path = join(dir, 'c.jsonl');
  await writeFile(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return path;
}

describe('a conversation of the real program', () => {
  it('holds its prompt, its last answer, and what it cost: what it thought is output, its cache is not input', async () => {
    const found = await readConversation(files, recorded('done'), 0);
    expect(found).toMatchObject({
      answer: { text: 'All done.', model: 'gemini-3.8-flash' },
      usage: { input_tokens: 190, output_tokens: 24, cache_read_tokens: 10, cache_write_tokens: 0 },
    });
    expect(found?.failure).toBeUndefined();
    expect(found?.holds('first [[sh:echo hi')).toBe(true);
    expect(found?.holds('something else')).toBe(false);
  });

  it('says why an answer is none', async () => {
    const cut = await readConversation(files, recorded('cut-off'), 0);
    expect(cut?.answer).toMatchObject({ text: 'part', stop_reason: 'max_tokens' });
    const refused = await readConversation(files, recorded('safety'), 0);
    expect(refused?.answer).toMatchObject({ text: 'part', stop_reason: 'refusal' });
  });

  it('is told as messages', async () => {
    const messages = await newestMessages(files, recorded('done'), { count: 4, bytes: 10_000 });
    expect(messages.map(({ by }) => by)).toEqual(['user', 'tool', 'tool', 'agent']);
    expect(messages.at(-1)).toMatchObject({ text: 'All done.' });
    expect(messages.at(1)?.text).toContain('run_shell_command {"command":"echo hi > f.txt"');
  });

  it('counts what came after a point, whatever of it is written again', async () => {
    const path = join(dir, 'c.jsonl');
    await copyFile(recorded('done'), path);
    const { size } = await stat(path);
    const again = said('dcb9abaa-af07-4eec-9092-5eb9b965dfa9', 'gemini', 'All done.', { tokens });
    const next = [said('u', 'user', [{ text: 'go on' }]), said('g', 'gemini', 'I went on.', { tokens })];
    await appendFile(path, `${JSON.stringify({ $set: { messages: [again] } })}\n`);
    for (const record of next) await appendFile(path, `${JSON.stringify(record)}\n`);
    const found = await readConversation(files, path, size);
    expect(found).toMatchObject({ answer: { text: 'I went on.' }, usage: { input_tokens: 95, output_tokens: 12 } });
    expect(found?.holds('first [[sh:echo hi')).toBe(true); // also of a turn that was taken back
  });
});

describe('a turn that failed', () => {
  it('is told by its error, which nothing followed', async () => {
    const prompt = said('u', 'user', [{ text: 'err' }]);
    const failed = await written(prompt, said('e', 'error', ERROR), said('i', 'info', 'This request failed.'));
    expect(await readConversation(files, failed, 0)).toMatchObject({
      failure: { class: 'logic_error', reason: ERROR },
    });
    const mended = await written(prompt, said('e', 'error', ERROR), said('g', 'gemini', 'But now.'));
    expect((await readConversation(files, mended, 0))?.failure).toBeUndefined();
    const later = await written(prompt, said('e', 'error', ERROR), said('n', 'user', [{ text: 'again' }]));
    expect((await readConversation(files, later, 0))?.failure).toBeUndefined();
  });

  it.each([
    ['{"code":429,"status":"RESOURCE_EXHAUSTED"}', 'rate_limit'],
    ['API key not valid. Please pass a valid API key.', 'auth'],
    ['The input token count (1) exceeds the maximum number of tokens allowed (0).', 'context_overflow'],
    ['something nobody has seen', 'crash'],
  ])('%s is %s', async (error, kind) => {
    const path = await written(said('u', 'user', 'x'), said('e', 'error', error));
    expect((await readConversation(files, path, 0))?.failure?.class).toBe(kind);
  });
});

it('a file that is not there is no conversation', async () => {
  expect(await readConversation(files, join(dir, 'none'), 0)).toBeUndefined();
});
