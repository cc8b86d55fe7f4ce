import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TaskId } from '../../src/runtime/model/ids.ts';
import { FinishedTask, Outcome, type OutcomeInput } from '../../src/runtime/model/task.ts';
import { renderFinished, renderRejection } from '../../src/runtime/taskfile/render.ts';
import { readResult } from '../../src/runtime/taskfile/result.ts';

const id = TaskId.parse('fix');
const base = {
  ...{ project: 'p_0123456789ab', id, title: 'Fix: the "login"', priority: 'high', tags: ['a', '1'], group: 'r-12' },
  ...{
    sha: 'ab'.repeat(32),
    queued_at: 1_700_000_000_000,
    started_at: 1_700_000_001_000,
    finished_at: 1_700_000_002_345,
  },
  ...{ finished_seq: 7, attempts: 2 },
};

function render(task: object, outcome: OutcomeInput, source: string | Uint8Array = '---\ntitle: x\n---\nFix it') {
  const bytes = Buffer.from(source);
  return renderFinished({
    task: FinishedTask.parse({ ...base, ...task }),
    outcome: Outcome.parse(outcome),
    source: bytes,
  });
}

const read = (bytes: Uint8Array, folder: 'done' | 'failed' = 'done') =>
  readResult(bytes, { folder, id, mtimeMs: 5_000 });

describe('the file of a finished task', () => {
  it('of a provider has the seeds’ keys, the cost with four decimals and the footer', () => {
    const file = render(
      { state: 'done', provider: 'secutools', job_id: 'j-1' },
      {
        state: 'done',
        result: 'The answer',
        provider: 'secutools',
        model: 'm',
        job_id: 'j-1',
        cost_cad: 0.01234,
        tokens: 12,
      },
    );
    expect(Buffer.from(file).toString()).toBe(
      `---
status: completed
title: "Fix: the \\"login\\""
provider: secutools
job_id: j-1
delegated_at: "2023-11-14T22:13:21.000Z"
model: m
cost_cad: 0.0123
tokens: 12
verified: unverified
attempts: 2
queued_at: "2023-11-14T22:13:20.000Z"
finished_at: "2023-11-14T22:13:22.345Z"
priority: high
tags: [a, "1"]
group: r-12
source_sha256: ${'"'}${'ab'.repeat(32)}${'"'}
---
The answer

---
provider: secutools, cost_cad: 0.0123
`.replace(`"${'ab'.repeat(32)}"`, 'ab'.repeat(32)),
    );
    expect(read(file)).toMatchObject({
      text: 'The answer',
      task: { state: 'done', provider: 'secutools', cost_cad: 0.0123 },
    });
  });

  it('is read back whatever the result says', () => {
    const awkward = fc.constantFrom(
      '---',
      '---\n',
      '\n\n---\nprovider: p, cost_cad: 0.5000\n',
      'x',
      '\r\n',
      '',
      '\ufeff',
      '# a',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(awkward, fc.string())), fc.boolean(), (parts, remote) => {
        const result = parts.join('');
        const ran = remote ? { provider: 'p', cost_cad: 0.5 } : { agent: 'a', session_id: 's-1' };
        const back = read(render({ state: 'done', ...ran }, { state: 'done', result, verified: 'passed', ...ran }));
        expect(back.text).toBe(result);
        const { project: _p, finished_seq: _s, ...rest } = base;
        const { session_id: _x, ...indexed } = { session_id: undefined, ...ran };
        expect(back.task).toEqual({ ...rest, state: 'done', verified: 'passed', ...indexed });
        expect([back.verified, back.session_id]).toEqual(['passed', remote ? undefined : 's-1']);
      }),
    );
  });

  it('holds what was seen of the work, and gives it back', () => {
    const evidence = {
      verify: { command: 'npm test', exit_code: 0, output_sha256: 'cd'.repeat(32), seconds: 1.5 },
      ...{ head_before: 'a'.repeat(40), head_after: '1'.repeat(40), commits: 2, files_total: 3 },
      files_changed: ['src/a b.ts', '- x', '017'],
    };
    const workspace = {
      branch: 'yardmaster/fix',
      base: 'main',
      commits: 2,
      files_changed: 3,
      insertions: 4,
      deletions: 0,
    };
    const structured = { ok: true, text: 'line\n---\n"quoted"' };
    const outcome = { state: 'done', result: 'Done.', verified: 'passed', turns: 3, evidence, structured } as const;
    const back = read(
      render({ state: 'done' }, { ...outcome, workspace: { ...workspace, kept: 'a.ts is in no commit' } }),
    );
    expect(back.evidence).toEqual(evidence);
    expect(back.workspace).toEqual({ ...workspace, kept: 'a.ts is in no commit' });
    expect(JSON.parse(back.structured ?? '')).toEqual(structured);
    expect(back.text).toBe('Done.');
  });

  it('that failed its check holds the check’s words, the agent’s own, and the evidence', () => {
    const evidence = { verify: { command: 'npm test', output_sha256: '', seconds: 600 }, files_changed: [] };
    const failure = {
      error_class: 'verify',
      reason: 'it did not pass',
      output: '1 failed',
      answer: 'All done!',
    } as const;
    const back = read(render({ state: 'failed' }, { state: 'failed', ...failure, evidence }), 'failed');
    expect(back.evidence).toEqual(evidence);
    expect(back.text).toMatch(/## What the check says\n\n1 failed\n\n## What the agent said of its work\n\nAll done!/);
  });

  it('that failed says why, and ends with the task’s own bytes', () => {
    const source = Buffer.concat([Buffer.from('---\ntitle: x\n---\n'), Buffer.from([0xff, 0x00, 0xfe])]);
    const outcome = {
      state: 'failed',
      error_class: 'timeout',
      reason: 'no end\nin sight',
      output: 'it said',
      agent: 'a',
    } as const;
    const file = render(
      { state: 'failed', agent: 'a', reason: 'no end\nin sight', error_class: 'timeout' },
      outcome,
      source,
    );
    expect(Buffer.from(file).subarray(-source.length).equals(source)).toBe(true);
    const back = read(file, 'failed');
    expect(back.task).toMatchObject({
      state: 'failed',
      error_class: 'timeout',
      reason: 'no end\nin sight',
      attempts: 2,
    });
    expect(Buffer.from(back.source ?? []).equals(source)).toBe(true);
    expect(back.text).toContain('After 2 attempts.');
    expect(back.text).toContain('it said');
  });

  it('that was cancelled is told from one that failed', () => {
    const file = render({ state: 'cancelled' }, { state: 'cancelled', reason: 'no need' });
    expect(read(file, 'failed').task).toMatchObject({ state: 'cancelled', reason: 'no need' });
  });

  it('of a rejected drop is no task, and its bytes are found again', () => {
    const header = renderRejection({ name: 'a\nb.md', reason: 'r', hint: 'h', at: 1, size: 3 });
    const back = read(Buffer.concat([header, Buffer.from([1, 0xff, 3])]), 'failed');
    expect(back.rejected_file).toBe('a\nb.md');
    expect([...(back.source ?? [])]).toEqual([1, 0xff, 3]);
  });
});

describe('files that others wrote are read as far as they go', () => {
  it('a seed’s result', () => {
    const seed = `---\nstatus: completed\nprovider: gemini\nmodel: flash\ncost_cad: 0.0042\njob_id: 17\ndelegated_at: 2026-01-02T03:04:05Z\ncompleted_at: 1767323050\n---\n\n# Review\n\nAll good\n`;
    expect(read(Buffer.from(seed)).task).toEqual({
      ...{
        id: 'fix',
        state: 'done',
        title: 'Review',
        priority: 'default',
        sha: '',
        attempts: 1,
        provider: 'gemini',
        model: 'flash',
      },
      ...{ cost_cad: 0.0042, job_id: '17', started_at: 1_767_323_045_000, queued_at: 1_767_323_045_000 },
      finished_at: 1_767_323_050_000,
    });
  });

  it('text without a word of ours takes its time from the file', () => {
    const { task, text } = read(Buffer.from('It is done.'), 'failed');
    expect(task).toMatchObject({ state: 'failed', title: 'It is done.', finished_at: 5_000, queued_at: 5_000 });
    expect(text).toBe('It is done.');
  });

  it.each([
    '',
    '---',
    '---\n',
    '---js\nx\n---\n',
    '---\n[[[\n---\nx',
    '---\nfinished_at: never\nattempts: many\ntags: x\n---\n',
    '\0',
  ])('and nothing of that kind throws: %j', (text) => expect(read(Buffer.from(text)).task.finished_at).toBe(5_000));

  it('nor does any other content', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string().map((text) => Buffer.from(`---\n${text}\n---\n`)),
    );
    fc.assert(
      fc.property(bytes, (some) => {
        expect(read(some).task.id).toBe('fix');
      }),
    );
  });
});

describe('what an answer of a provider adds', () => {
  it('money of any currency and the numbers of its patch are read back', () => {
    const patch = { files: 2, insertions: 30, deletions: 4 };
    const cost = { amount: 1.5, currency: 'EUR' };
    const file = render({ state: 'done', cost }, { state: 'done', result: 'x', provider: 'far', cost, patch });
    expect(Buffer.from(file).toString()).toMatch(/^cost: 1\.5000\ncost_currency: EUR$/m);
    expect(read(file)).toMatchObject({ task: { cost }, patch, text: 'x' });
  });

  it('what a failed attempt took is told, and what is unknown is not', () => {
    const used = { model: 'm-1', tokens: 12, cost: { amount: 0.25, currency: 'USD' } };
    const file = Buffer.from(
      render({ state: 'failed' }, { state: 'failed', error_class: 'verify', reason: 'no', used }, 'Fix'),
    ).toString();
    expect(file).toMatch(/^used_model: m-1\nused_tokens: 12\nused_cost: 0\.2500\nused_currency: USD$/m);
    expect(file).not.toContain('used_input_tokens');
    const plain = render({ state: 'failed' }, { state: 'failed', error_class: 'verify', reason: 'no' }, 'Fix');
    expect(Buffer.from(plain).toString()).not.toContain('used_');
  });
});
