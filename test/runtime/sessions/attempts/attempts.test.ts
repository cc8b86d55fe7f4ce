import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { sessionFiles } from '../../../../src/runtime/sessions/attempts/run-record.ts';
import { type World, world } from './attempts-world.ts';

const DONE = { kind: 'turn_ended', message: 'All is well.', background: 0, prompt_id: 'p1' } as const;

function becomes(w: World, ref: Parameters<World['state_of']>[0], state: string) {
  return vi.waitFor(async () => expect(await w.state_of(ref)).toBe(state), { timeout: 5_000 });
}

describe('a task in a session', () => {
  it('is started with its prompt, works, and is done with the last message; its agent stays open', async () => {
    const w = await world();
    const ref = await w.task({ constraints: ['no new packages'] });
    await w.launch(ref);
    expect(await w.state_of(ref)).toBe('running');
    expect(w.attempts.view('ccl-1')).toMatchObject({ state: 'starting', task: { ref, attempt: 1 } });
    const [taken] = w.seats.taken;
    const record = await w.record(ref);
    expect(taken?.program).toMatchObject({
      cwd: w.project.path,
      facts: { task: ref.id, attempt: '1', agent_session: record.conversation },
    });
    expect(taken?.program.env).toMatchObject({
      YARDMASTER_RUN: record.nonce,
      YARDMASTER_RUN_DIR: w.dirOf(ref),
      OWN: '1',
    });
    expect(taken?.program.env).not.toHaveProperty('SECRET');
    expect(taken?.program.env).not.toHaveProperty('TERM');
    expect(await w.prompt(ref)).toContain('no new packages');
    expect(w.agent.orders[0]).toMatchObject({
      model: 'sonnet',
      permission_mode: 'acceptEdits',
      prompt: await w.prompt(ref),
    });
    expect(record.conversation).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await w.confirm(ref);
    expect(w.attempts.view('ccl-1')).toMatchObject({ state: 'working' });
    await writeFile(await transcriptOf(w, ref), 'something');
    w.agent.last = { text: 'All is well.', stop_reason: 'end_turn', model: 'sonnet-9' };
    await w.report(ref, DONE);
    await becomes(w, ref, 'done');
    expect(w.freed).toEqual([ref]);
    expect(w.seats.log).toEqual(['take ccl-1']);
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')).toMatchObject({ state: 'idle', lingering: true }));
    expect(Buffer.from((await w.store.text(ref))?.bytes ?? []).toString()).toContain('All is well.');
  });

  it('whose prompt is too long for an argument is told where to read it', async () => {
    const w = await world();
    const ref = await w.task({ title: 'Long' }, `Read this: ${'é'.repeat(70_000)}`);
    await w.launch(ref);
    expect(await w.prompt(ref)).toContain('é'.repeat(70_000));
    const { prompt } = w.agent.orders[0] ?? { prompt: '' };
    expect(prompt.length).toBeLessThan(1_000);
    expect(prompt).toContain(sessionFiles(w.dirOf(ref)).prompt);
    expect(prompt).toContain((await w.record(ref)).nonce);
  });

  it('keeps what lies in its run directory to its user', async () => {
    const w = await world();
    const ref = await w.task();
    await w.launch(ref);
    for (const name of ['', 'settings.json', 'prompt.md', 'session.json'])
      expect((await stat(join(w.dirOf(ref), name))).mode & 0o077, name).toBe(0);
  });

  it('may only narrow what its agent may do', async () => {
    const w = await world({
      agents: { claude: { permission_mode: 'acceptEdits', allowed_tools: ['Bash(git *)', 'Read'] } },
    });
    await w.launch(
      await w.task({ permission_mode: 'bypassPermissions', allowed_tools: ['Bash(git status)', 'Write'] }),
    );
    expect(w.agent.orders[0]).toMatchObject({ permission_mode: 'acceptEdits', allowed_tools: ['Bash(git status)'] });
  });

  it('is not done by an answer that the model refused', async () => {
    const w = await world();
    const ref = await w.working();
    await writeFile(await transcriptOf(w, ref), 'something');
    w.agent.last = { text: "I can't do that.", stop_reason: 'refusal' };
    await w.report(ref, DONE);
    await becomes(w, ref, 'failed');
    expect(await w.store.get(ref)).toMatchObject({ error_class: 'logic_error' });
    expect(w.runs.get(w.dirOf(ref))).toEqual({ kind: 'dead' });
    expect(w.seats.log).toContain('vacate ccl-1');
  });

  it('that nobody can carry out fails at once, and nothing starts', async () => {
    const w = await world();
    const ref = await w.task({}, '---\npriority: 17\n---\nDo it.');
    await w.launch(ref);
    expect(await w.store.get(ref)).toMatchObject({ state: 'failed', error_class: 'invalid' });
    expect(w.seats.log).toEqual([]);
  });
});

describe('a start', () => {
  it('that tmux did not confirm goes on where the agent runs', async () => {
    const w = await world();
    w.seats.trouble = { kind: 'unconfirmed', starts: true };
    const ref = await w.task();
    await w.launch(ref);
    expect(await w.state_of(ref)).toBe('running');
    expect(w.attempts.view('ccl-1')).toMatchObject({ state: 'starting' });
  });

  it.each(['refused', 'unconfirmed'] as const)(
    'that was %s and did not happen never will: the attempt is given back',
    async (kind) => {
      const w = await world();
      w.seats.trouble = { kind, starts: false };
      const ref = await w.task();
      await w.launch(ref);
      expect(await w.store.get(ref)).toMatchObject({ state: 'queued', spent: 0 });
      expect(w.runs.get(w.dirOf(ref))).toEqual({ kind: 'fenced' });
      expect(w.seats.log.at(-1)).toMatch(/^cool ccl-1/);
    },
  );

  it('in a session that is at work is given back', async () => {
    const w = await world();
    await w.working();
    const other = await w.task();
    await w.launch(other);
    expect(await w.store.get(other)).toMatchObject({ state: 'queued', spent: 0 });
  });

  it('waits while no account is ready, and costs nothing', async () => {
    const w = await world();
    w.state.profile = { wait: true, reason: 'all accounts rest', until: w.clock.now() + 3_600_000 };
    const ref = await w.task();
    await w.launch(ref);
    expect(await w.store.get(ref)).toMatchObject({ state: 'queued', spent: 0, backoff: true });
    expect(w.seats.log).toEqual([]);
  });

  it('that is cancelled before it begins does not begin', async () => {
    const w = await world();
    const ref = await w.task();
    const claimed = await w.claim(ref);
    await w.store.cancel(ref, 'no more', { by: 'owner' });
    await w.attempts.launch(claimed);
    expect(await w.state_of(ref)).toBe('cancelled');
    expect(w.seats.log).toEqual([]);
  });

  it('whose prompt is not confirmed in time is ended, and its session rests', async () => {
    const w = await world();
    const ref = await w.task();
    await w.launch(ref);
    await w.clock.advance(30_001);
    await becomes(w, ref, 'queued');
    expect(await w.store.get(ref)).toMatchObject({ last_error: { class: 'crash' }, spent: 1 });
    expect(w.runs.get(w.dirOf(ref))).toEqual({ kind: 'dead' });
    expect(w.seats.log.at(-1)).toMatch(/^cool ccl-1: the agent did not confirm its prompt in 30 s/);
  });

  it('that stands at a dialog waits for somebody, and is ended when nobody comes', async () => {
    const w = await world({ blocked_timeout: '10m' });
    const ref = await w.task();
    await w.launch(ref);
    w.state.screen = 'Please log in';
    w.agent.reading = { kind: 'dialog', what: 'Please log in', blocked: 'login' };
    await w.clock.advance(30_001);
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')).toMatchObject({ state: 'blocked', blocked_on: 'login' }));
    await vi.waitFor(() =>
      expect(w.events).toContainEqual(expect.objectContaining({ type: 'task_blocked', on: 'login' })),
    );
    await w.clock.advance(600_001);
    await becomes(w, ref, 'queued');
    expect(w.failures).toMatchObject([{ profile: 'default', failure: { account: 'login' } }]);
    expect(await w.store.get(ref)).toMatchObject({ spent: 0 });
  });

  it('whose report was lost is confirmed by its transcript', async () => {
    const w = await world();
    const ref = await w.task();
    await w.launch(ref);
    await writeFile(await transcriptOf(w, ref), `{"prompt": "${(await w.record(ref)).nonce}"}`);
    await w.clock.advance(30_001);
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')).toMatchObject({ state: 'working' }));
  });
});

describe('an agent that', () => {
  it('dies at work is proved dead, and the next attempt goes on with its conversation', async () => {
    const w = await world();
    const ref = await w.working();
    const first = await w.record(ref);
    await writeFile(await transcriptOf(w, ref), `{"prompt": "${first.nonce}"}`);
    w.die(ref);
    w.seats.tell({ kind: 'ended', seat: 'ccl-1' });
    await becomes(w, ref, 'queued');
    expect(await w.store.get(ref)).toMatchObject({ last_error: { class: 'crash' } });
    await w.clock.advance(3_600_000);
    await w.launch(ref);
    const second = await w.record(ref, 2);
    expect(second).toMatchObject({
      conversation: first.conversation,
      resumes: first.transcript,
      task_nonce: first.nonce,
    });
    expect(second.nonce).not.toBe(first.nonce);
    expect(await w.prompt(ref, 2)).toContain('Go on with this task');
    expect(await w.prompt(ref, 2)).not.toContain('Do it.');
  });

  it('died before its prompt was in its conversation is told the whole task again', async () => {
    const w = await world();
    const ref = await w.working();
    await writeFile(await transcriptOf(w, ref), '{}');
    w.die(ref);
    w.attempts.look();
    await becomes(w, ref, 'queued');
    await w.clock.advance(3_600_000);
    await w.launch(ref);
    expect(await w.prompt(ref, 2)).toContain('Do it.');
    expect((await w.record(ref, 2)).resumes).toBeDefined();
  });

  it('had told of its end before it died is done', async () => {
    const w = await world();
    const ref = await w.working();
    await w.report(ref, DONE, { quietly: true });
    w.die(ref);
    w.attempts.look('ccl-1');
    await becomes(w, ref, 'done');
    expect(w.seats.log).toContain('vacate ccl-1');
  });

  it('met a limit is ended, its account told of, and nothing is spent', async () => {
    const w = await world();
    const ref = await w.working();
    const failure = {
      class: 'rate_limit',
      reason: 'resets 9:42am',
      account: 'limit',
      reset_at: w.clock.now() + 1,
    } as const;
    await w.report(ref, { kind: 'turn_failed', failure });
    await becomes(w, ref, 'queued');
    expect(w.failures).toMatchObject([{ profile: 'default', failure: { account: 'limit' } }]);
    expect(await w.store.get(ref)).toMatchObject({ spent: 0, not_before: w.clock.now() });
    expect(w.seats.log).toEqual(['take ccl-1', 'vacate ccl-1']);
  });

  it('runs longer than it may is ended as a timeout; the time in which it waited for somebody does not count', async () => {
    const w = await world({ blocked_timeout: '5h' });
    const ref = await w.working({ ttl_seconds: 600 });
    await w.clock.advance(300_000);
    await w.report(ref, { kind: 'asks', tool: 'Bash', input: { command: 'make' } });
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')).toMatchObject({ state: 'blocked' }));
    await w.clock.advance(3_600_000);
    await w.report(ref, { kind: 'tool_ended', tool: 'Bash' });
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')).toMatchObject({ state: 'working' }));
    await w.clock.advance(299_000);
    expect(await w.state_of(ref)).toBe('running');
    await w.clock.advance(2_000);
    await becomes(w, ref, 'queued');
    expect(await w.store.get(ref)).toMatchObject({ last_error: { class: 'timeout' } });
  });

  it('is cancelled is ended first, and then its task is', async () => {
    const w = await world();
    const ref = await w.working();
    await w.store.cancel(ref, 'not needed any more', { by: 'owner' });
    await becomes(w, ref, 'cancelled');
    expect(w.runs.get(w.dirOf(ref))).toEqual({ kind: 'dead' });
    expect(w.seats.log).toEqual(['take ccl-1', 'vacate ccl-1']);
  });

  it('lives on without its terminal is ended', async () => {
    const w = await world();
    const ref = await w.working();
    w.seats.see('ccl-1', { kind: 'absent' });
    w.seats.tell({ kind: 'ended', seat: 'ccl-1' });
    await w.clock.advance(5_000);
    expect(await w.state_of(ref)).toBe('running');
    await w.clock.advance(6_000);
    await becomes(w, ref, 'queued');
    expect(w.runs.get(w.dirOf(ref))).toEqual({ kind: 'dead' });
  });

  it('shows no sign is shown, and let be', async () => {
    const w = await world({ lifecycle: { stalled_after: '15m' } });
    const ref = await w.working();
    await w.clock.advance(900_001);
    w.attempts.look();
    await vi.waitFor(() =>
      expect(w.attempts.view('ccl-1')).toMatchObject({ detail: 'it has shown no sign for a long time' }),
    );
    expect(await w.state_of(ref)).toBe('running');
  });
});

describe('a request', () => {
  const ASKS = { kind: 'asks', tool: 'Bash', input: { command: 'make' } } as const;

  it('is told of once, and that it is over', async () => {
    const w = await world();
    const ref = await w.working();
    const report = await w.report(ref, ASKS);
    await vi.waitFor(() => expect(w.requests.opened).toHaveLength(1));
    expect(w.requests.opened[0]).toMatchObject({ report, seat: 'ccl-1', task: ref, run_dir: w.dirOf(ref) });
    expect(w.attempts.view('ccl-1')?.requests).toHaveLength(1);
    w.attempts.look();
    await w.report(ref, { kind: 'tool_ended', tool: 'Bash' });
    await vi.waitFor(() => expect(w.requests.closed).toEqual(['Bash: its tool has ended']));
    expect(w.requests.opened).toHaveLength(1);
  });

  it('that has its answer blocks no more, though its tool runs for long', async () => {
    const w = await world();
    const ref = await w.working();
    const report = await w.report(ref, ASKS);
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')?.state).toBe('blocked'));
    w.attempts.answered({ run_dir: w.dirOf(ref), report });
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')?.state).toBe('working'));
  });

  it('that nobody answers in time is denied, and its attempt fails', async () => {
    const w = await world({ blocked_timeout: '30m' });
    const ref = await w.working();
    await w.report(ref, ASKS);
    await vi.waitFor(() => expect(w.requests.opened).toHaveLength(1));
    await w.clock.advance(1_800_001);
    await becomes(w, ref, 'failed');
    expect(w.requests.denied).toHaveLength(1);
    expect(await w.store.get(ref)).toMatchObject({ error_class: 'permission' });
    expect(w.runs.get(w.dirOf(ref))).toEqual({ kind: 'dead' });
  });

  it('whose hook waits no more is not asked again after a restart', async () => {
    const w = await world();
    const ref = await w.working();
    const report = await w.report(ref, ASKS);
    await vi.waitFor(() => expect(w.requests.opened).toHaveLength(1));
    await rm(join(w.dirOf(ref), 'answers', report));
    await w.restart();
    expect(w.attempts.view('ccl-1')?.state).toBe('working');
    expect(w.requests.opened).toHaveLength(1);
  });
});

describe('an agent that a person has interrupted', () => {
  async function interrupted(config: object) {
    const w = await world(config);
    const ref = await w.working();
    await w.clock.advance(5_000);
    const { conversation } = await w.record(ref);
    w.live(w.attempts.view('ccl-1')?.pid ?? 0, 'idle', conversation);
    await vi.waitFor(() => expect(w.clock.pending).toBeGreaterThan(0));
    await w.clock.advance(2_001);
    await vi.waitFor(() =>
      expect(w.attempts.view('ccl-1')).toMatchObject({ state: 'blocked', blocked_on: 'interrupted' }),
    );
    return { w, ref };
  }

  it('is asked once to go on when they say nothing', async () => {
    const { w, ref } = await interrupted({ interrupted: { wait: '5m', next: 'ask' } });
    const told = expect.objectContaining({ type: 'session_changed', what: 'interrupted' });
    await vi.waitFor(() => expect(w.events).toContainEqual(told));
    await w.clock.advance(300_001);
    await vi.waitFor(() => expect(w.messages).toHaveLength(1));
    await w.restart();
    await w.clock.advance(1_000);
    expect(w.messages).toHaveLength(1);
    await w.report(ref, { kind: 'prompt', prompt: w.messages[0] ?? '', prompt_id: 'p2' });
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')?.state).toBe('working'));
    await w.report(ref, { ...DONE, prompt_id: 'p2' });
    await w.clock.advance(3_000);
    await becomes(w, ref, 'done');
  });

  it('may go on by their own words', async () => {
    const { w, ref } = await interrupted({});
    await w.clock.advance(60_000);
    await w.report(ref, { kind: 'prompt', prompt: 'do it otherwise', prompt_id: 'p9' });
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')?.state).toBe('working'));
    const told = expect.objectContaining({ type: 'task_unblocked', how: 'it goes on' });
    await vi.waitFor(() => expect(w.events).toContainEqual(told));
    await w.clock.advance(600_000);
    expect(w.messages).toEqual([]);
  });

  it('is ended where the configuration says so', async () => {
    const { w, ref } = await interrupted({ interrupted: { wait: '5m', next: 'end' } });
    await w.clock.advance(300_001);
    await becomes(w, ref, 'failed');
    expect(await w.store.get(ref)).toMatchObject({ error_class: 'logic_error' });
  });
});

describe('a restart', () => {
  it('takes up what works, and hears what was told meanwhile', async () => {
    const w = await world();
    const ref = await w.working();
    await w.report(ref, DONE, { quietly: true });
    await w.restart();
    await becomes(w, ref, 'done');
    expect(w.seats.log).toEqual(['take ccl-1']);
  });

  it('gives back what provably never began', async () => {
    const w = await world();
    const ref = await w.task();
    await w.claim(ref);
    await w.restart();
    expect(await w.store.get(ref)).toMatchObject({ state: 'queued', spent: 0 });
  });

  it('finishes the end that was begun, with the reason it had', async () => {
    const w = await world();
    const ref = await w.working();
    const ending = { kind: 'failed', failure: { class: 'permission', reason: 'nobody answered' } };
    await writeFile(sessionFiles(w.dirOf(ref)).ending, JSON.stringify(ending));
    w.die(ref);
    await w.restart();
    await becomes(w, ref, 'failed');
    expect(await w.store.get(ref)).toMatchObject({ error_class: 'permission' });
  });

  it('of a run whose directory was lost counts the attempt', async () => {
    const w = await world();
    const ref = await w.working();
    w.runs.delete(w.dirOf(ref));
    await w.restart();
    expect(await w.store.get(ref)).toMatchObject({ state: 'queued', spent: 1, last_error: { class: 'crash' } });
  });

  it('finds the agents that are done and still open', async () => {
    const w = await world();
    const ref = await w.working();
    await w.report(ref, DONE);
    await becomes(w, ref, 'done');
    await w.restart();
    expect(w.attempts.view('ccl-1')).toMatchObject({ lingering: true, state: 'idle' });
  });
});

describe('the agent that an attempt has left', () => {
  async function left() {
    const w = await world();
    const ref = await w.working();
    await w.report(ref, DONE);
    await becomes(w, ref, 'done');
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')?.lingering).toBe(true));
    return { w, ref };
  }

  it('is in use while a person has a turn with it, and changes nothing of the task', async () => {
    const { w, ref } = await left();
    expect(w.attempts.inUse('ccl-1')).toBe(false);
    await w.report(ref, { kind: 'prompt', prompt: 'and what about that?', prompt_id: 'x1' });
    await vi.waitFor(() => expect(w.attempts.inUse('ccl-1')).toBe(true));
    expect(w.attempts.view('ccl-1')?.state).toBe('occupied');
    const other = await w.task();
    await w.launch(other);
    expect(await w.state_of(other)).toBe('queued');
    await w.report(ref, { ...DONE, message: 'this way', prompt_id: 'x1' });
    await vi.waitFor(() => expect(w.attempts.inUse('ccl-1')).toBe(false));
    expect(await w.state_of(ref)).toBe('done');
  });

  it('goes with the next task', async () => {
    const { w } = await left();
    const other = await w.task();
    await w.launch(other);
    expect(w.attempts.view('ccl-1')).toMatchObject({ lingering: false, task: { ref: other } });
  });

  it('goes before a task continues its conversation elsewhere', async () => {
    const { w, ref } = await left();
    await writeFile(await transcriptOf(w, ref), 'the conversation');
    const next = await w.task({ continues: ref.id }, 'And now the rest.');
    await w.launch(next, 'ccl-2');
    expect(w.runs.get(w.dirOf(ref))).toEqual({ kind: 'dead' });
    expect(w.seats.log).toEqual(['take ccl-1', 'vacate ccl-1', 'take ccl-2']);
    expect((await w.record(next)).conversation).toBe((await w.record(ref)).conversation);
    expect(await w.prompt(next)).toContain('And now the rest.');
  });
});

describe('a conversation', () => {
  it('that is to be continued and is gone makes the task fail', async () => {
    const w = await world();
    const first = await w.working();
    await w.report(first, DONE);
    await becomes(w, first, 'done');
    const next = await w.task({ continues: first.id });
    await w.launch(next, 'ccl-2');
    expect(await w.store.get(next)).toMatchObject({ state: 'failed', error_class: 'invalid' });
  });

  it('that the seeds left for a dedicated session is used once', async () => {
    const w = await world();
    w.state.config = {
      ...w.state.config,
      dispatcher: { ...w.state.config.dispatcher, resume_dir: '~/.claude-context' },
    };
    w.seats.add('shop-main', 'dedicated');
    const id = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
    const dir = join(w.root, 'person', '.claude-context');
    await mkdir(dir, { recursive: true });
    await mkdir(join(w.root, 'person', '.claude'), { recursive: true });
    await writeFile(join(dir, 'shop-main-resume-id.txt'), `${id}\n`);
    await writeFile(join(w.root, 'person', '.claude', `${id}.jsonl`), 'what was said');
    const ref = await w.task();
    await w.launch(ref, 'shop-main');
    expect(await w.record(ref)).toMatchObject({ conversation: id, transcript_from: 13 });
    expect(await readFile(join(dir, 'shop-main-resume-id.txt.used'), 'utf8')).toBe(`${id}\n`);
    await expect(stat(join(dir, 'shop-main-resume-id.txt'))).rejects.toThrow('ENOENT');
  });

  it('that was too long is not gone on with', async () => {
    const w = await world();
    const ref = await w.working();
    await writeFile(await transcriptOf(w, ref), (await w.record(ref)).nonce);
    await w.report(ref, {
      kind: 'turn_failed',
      failure: { class: 'context_overflow', reason: 'too long', fresh: true },
    });
    await becomes(w, ref, 'queued');
    await w.clock.advance(3_600_000);
    await w.launch(ref);
    expect((await w.record(ref, 2)).conversation).not.toBe((await w.record(ref)).conversation);
  });
});

async function transcriptOf(w: World, ref: Parameters<World['record']>[0]): Promise<string> {
  const { transcript } = await w.record(ref);
  await mkdir(join(transcript, '..'), { recursive: true });
  return transcript;
}
