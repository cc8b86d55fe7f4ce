import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { kill } from './hooks.mjs';
import { letters, Transcript } from './transcript.mjs';
import { Spent, Turn } from './turn.mjs';

/*
 * The stand-in without a terminal (`-p`): turns are told on stdout, a line of JSON each, as measured on 2.1.329:
 *
 *   each turn begins with an `init` and ends with a `result`; refusals of the service are `subtype: success` with `is_error`
 *   what it is told while it works joins the turn after the next tool, or makes a turn of its own
 *   the end of its input ends it after all that was told before, and after its work in the background
 *   with `--permission-prompt-tool=stdio` it has questions to ask, and asks nothing after the end of its input
 *   its exit code is 1 where the last result is an error; SIGTERM is 143 without a result, SIGINT 0
 */

const PRICE = { in: 4 / 1e6, out: 20 / 1e6 };
const NO_QUESTIONS =
  '<tool_use_error>Error: No such tool available: AskUserQuestion. AskUserQuestion is disabled for this session, in subagents as well as here.</tool_use_error>';
const UNASKED = 'Tool permission request failed: AbortError: ';
/** Hooks that the real one does not run without a terminal. */
const SILENT = new Set(['StopFailure', 'Notification']);

export class Headless {
  headless = true;
  queue = [];
  children = new Set();
  stubborn = false;
  structured;
  screen = { say() {}, append() {}, paint() {} };
  #background = new Map();
  #turn;
  #ended = false;
  #closed = false;
  #mute = false;
  #closing = [];
  #exitCode = 0;
  #results = 0;
  #rounds = 0;
  #told = { inputTokens: 0, outputTokens: 0 };
  #denials = [];
  #failure;

  constructor({ options, account, cwd, hooks, place }) {
    Object.assign(this, { options, account, cwd, hooks, id: place.id, source: place.source });
    this.mode = options.mode;
    this.allowed = [...options.allowed];
    this.disallowed = options.disallowed;
    this.begun = Date.now();
    this.costBefore = costIn(place.path);
    this.transcript = new Transcript(place.path, { model: options.model, mode: options.mode, cwd }, this);
  }

  async run() {
    process.on('SIGTERM', () => this.#signalled(143));
    process.on('SIGHUP', () => this.#signalled(129));
    process.on('SIGINT', () => this.#interruptedBySignal());
    process.stdout.on('error', () => this.#leave(1));
    await this.hook('SessionStart', { source: this.source, model: this.options.model }, this.source);
    if (this.options.prompt !== undefined) this.#submit(this.options.prompt);
    else if (this.options.input !== 'stream-json') this.#submit(readFileSync(0, 'utf8'));
    if (this.options.input !== 'stream-json' || this.options.prompt !== undefined) this.#noMore();
    else this.#listen();
  }

  // What it is told.

  #listen() {
    const lines = createInterface({ input: process.stdin });
    lines.on('line', (line) => this.#heard(line));
    lines.on('close', () => this.#noMore());
  }

  #heard(line) {
    if (line.trim() === '') return;
    const { type, message, request_id, request } = parsed(line) ?? {};
    if (type === undefined) {
      process.stderr.write(`Error parsing streaming input line (type=unknown, ${line.length} chars): SyntaxError\n`);
      return this.#leave(1);
    }
    if (type === 'user') this.#submit(textOf(message.content));
    if (type !== 'control_request' || request.subtype !== 'interrupt') return;
    const response = { subtype: 'success', request_id, response: { still_queued: [] } };
    this.emit({ type: 'control_response', response });
    this.#turn?.interrupt();
  }

  #submit(text) {
    this.queue.push({ kind: 'prompt', text });
    this.#next();
  }

  #noMore() {
    this.#closed = true;
    for (const tell of this.#closing) tell();
    this.#next();
  }

  #next() {
    if (this.#turn || this.#ended) return;
    const next = this.queue.shift();
    if (next !== undefined) return void this.#play(next);
    if (this.#closed && this.#background.size === 0) this.#end();
  }

  async #play({ text, ...how }) {
    const turn = new Turn(this, text, how);
    this.#turn = turn;
    this.#rounds = 0;
    this.#denials = [];
    this.#failure = undefined;
    this.structured = undefined;
    this.#init();
    this.#over(turn, await turn.run());
  }

  // What the turn asks of its agent.

  get total() {
    const { inputTokens, outputTokens } = this.transcript.spent;
    return this.costBefore + inputTokens * PRICE.in + outputTokens * PRICE.out;
  }

  hook(event, fields, about) {
    if (SILENT.has(event)) return Promise.resolve([]);
    const payload = { session_id: this.id, transcript_path: this.transcript.path, cwd: this.cwd };
    return this.hooks.fire({ ...payload, permission_mode: this.mode, hook_event_name: event, ...fields }, about);
  }

  childOptions(stdio) {
    const env = { ...this.hooks.env, CLAUDE_CODE_SESSION_ID: this.id };
    return { cwd: this.cwd, env, detached: true, stdio };
  }

  paint() {}

  cancelAuto() {}

  missing({ question }) {
    return question && this.options.promptTool !== 'stdio' ? NO_QUESTIONS : undefined;
  }

  /** Asked by the hook and, where its input is one that answers, on its output; whoever comes first. */
  async ask(dialog, _what, { asking }, asked) {
    if (this.options.promptTool !== 'stdio') {
      await asked;
      const soon = new Promise((resolve) => setImmediate(() => resolve(denial('This command requires approval'))));
      return Promise.race([dialog.answer, soon]);
    }
    if (this.#closed) return denial(`${UNASKED}Stream closed`);
    const request_id = randomUUID();
    this.emit({ type: 'control_request', request_id, request: { subtype: 'can_use_tool', ...asking } });
    const closed = new Promise((resolve) => this.#closing.push(resolve));
    const unasked = denial(`${UNASKED}Tool permission stream closed before response received`);
    const answer = await Promise.race([dialog.answer, closed.then(() => unasked)]);
    this.emit({ type: 'control_cancel_request', request_id });
    return answer;
  }

  denied(tool_use_id, { name, input }, message) {
    this.#denials.push({ tool_name: name, tool_use_id, tool_input: input });
    this.emit({ type: 'system', subtype: 'permission_denied', tool_name: name, tool_use_id, message });
  }

  /** A tool has answered: whether the model may be asked again. */
  answered({ name }) {
    this.#rounds++;
    if (name === 'StructuredOutput' && this.structured !== undefined) throw new Spent('done');
    if (this.total - this.costBefore > this.options.maxBudget) throw new Spent('error_max_budget_usd');
    if (this.#rounds >= this.options.maxTurns) throw new Spent('error_max_turns');
  }

  takeQueued() {
    const taken = this.queue.filter(({ kind }) => kind === 'prompt');
    this.queue = this.queue.filter(({ kind }) => kind !== 'prompt');
    return taken;
  }

  backgroundTasks() {
    return [...this.#background.values()];
  }

  inBackground(task, child, says) {
    this.#background.set(task.id, task);
    this.children.add(child.pid);
    this.#listBackground();
    this.emit({ type: 'system', subtype: 'task_started', task_id: task.id, description: task.description });
    child.on('close', (code) => {
      this.children.delete(child.pid);
      this.#background.delete(task.id);
      if (!this.#ended) this.#notify(task, code, says);
    });
  }

  #listBackground() {
    const tasks = this.backgroundTasks().map(({ id: task_id, description }) => ({ task_id, description }));
    this.emit({ type: 'system', subtype: 'background_tasks_changed', tasks });
  }

  #notify({ id: task_id, description }, code, says) {
    const summary = `Background command "${description}" completed (exit code ${code})`;
    this.emit({ type: 'system', subtype: 'task_notification', task_id, status: 'completed', summary });
    this.#listBackground();
    const text = `<task-notification>\n<task-id>${task_id}</task-id>\n<summary>${summary}</summary>\n</task-notification>`;
    this.queue.push({ kind: 'notification', text, source: 'system', says: says || undefined });
    this.#next();
  }

  // Its words (the transcript says them as it writes them).

  emit(line) {
    if (this.options.output !== 'stream-json') return;
    const stamp = { session_id: this.id, uuid: randomUUID(), timestamp: new Date().toISOString() };
    process.stdout.write(`${JSON.stringify({ ...line, ...stamp })}\n`);
  }

  prompted(text, source) {
    const message = { role: 'user', content: [{ type: 'text', text }] };
    if (this.options.replay && source !== 'system') this.emit({ type: 'user', message, isReplay: true });
  }

  recorded({ type, message, error }, status) {
    const failed = error && { error, is_api_error_message: true, api_error_status: status };
    const content = typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
    this.emit({ type, message: { ...message, content }, parent_tool_use_id: null, ...failed });
  }

  #init() {
    const { model, mode: permissionMode } = this.options;
    const facts = { cwd: this.cwd, tools: ['Bash', 'Write'], mcp_servers: [], model, permissionMode };
    this.emit({ type: 'system', subtype: 'init', ...facts, claude_code_version: '2.1.329' });
  }

  /** Before a refusal is told: the real one has tried again. */
  refused(failure) {
    this.#failure = failure;
    if (failure.limit) return this.emit({ type: 'rate_limit_event', rate_limit_info: failure.limit });
    const { error, status: error_status } = failure;
    if (failure.error === 'invalid_request') return;
    const facts = { attempt: 1, max_retries: 1, retry_delay_ms: 500, error_status, error };
    this.emit({ type: 'system', subtype: 'api_retry', ...facts });
  }

  tellsWindow(claim, percent, seconds) {
    const resetsAt = Math.floor(Date.now() / 1_000) + Number(seconds);
    const unifiedWindows = { [claim]: { utilization: Number(percent) / 100, resetsAt, status: 'allowed' } };
    const rate_limit_info = { status: 'allowed', resetsAt, rateLimitType: claim, unifiedWindows };
    this.emit({ type: 'rate_limit_event', rate_limit_info });
  }

  turnOver() {} // the result says it

  #over(turn, how) {
    if (this.#ended) return;
    this.#turn = undefined;
    if (this.#mute) return;
    this.#result(turn, how);
    this.#next();
  }

  #result(turn, how) {
    const failed = how !== 'done';
    this.#exitCode = failed ? 1 : 0;
    const { inputTokens, outputTokens } = this.transcript.spent;
    const since = {
      inputTokens: inputTokens - this.#told.inputTokens,
      outputTokens: outputTokens - this.#told.outputTokens,
    };
    this.#told = { inputTokens, outputTokens };
    const costUSD = since.inputTokens * PRICE.in + since.outputTokens * PRICE.out;
    const spent = { ...since, cacheReadInputTokens: 0, cacheCreationInputTokens: 0, costUSD };
    const line = {
      type: 'result',
      ...this.#outcome(turn, how),
      is_error: failed,
      num_turns: this.#rounds + 1,
      duration_ms: Date.now() - turn.since,
      total_cost_usd: this.total,
      usage: { input_tokens: since.inputTokens, output_tokens: since.outputTokens },
      model_usage_since_last_result: costUSD > 0 ? { [this.options.model]: spent } : {},
      permission_denials: this.#denials,
      queued_turn_count: 0,
      result_index: this.#results++,
    };
    this.emit(line);
    if (this.options.output === 'json') process.stdout.write(`${JSON.stringify(line)}\n`);
    if (this.options.output === 'text') process.stdout.write(`${line.result ?? line.errors.join('\n')}\n`);
  }

  #outcome(turn, how) {
    const done = { subtype: 'success', terminal_reason: 'completed', api_error_status: null };
    switch (how) {
      case 'done':
        if (this.structured === undefined) return { ...done, result: turn.lastText };
        return { ...done, result: JSON.stringify(this.structured), structured_output: this.structured };
      case 'failed': {
        const { text, status, details } = this.#failure;
        const terminal_reason = details ? 'prompt_too_long' : 'api_error';
        return { ...done, terminal_reason, api_error_status: status, result: text };
      }
      case 'error_max_turns':
        return {
          subtype: how,
          terminal_reason: 'max_turns',
          errors: [`Reached maximum number of turns (${this.options.maxTurns})`],
        };
      case 'error_max_budget_usd':
        return {
          subtype: how,
          terminal_reason: 'budget_exhausted',
          errors: [`Reached maximum budget ($${this.options.maxBudget})`],
        };
      default:
        return {
          subtype: 'error_during_execution',
          terminal_reason: turn.inTool ? 'aborted_tools' : 'aborted_streaming',
          errors: [`[ede_diagnostic] ${letters()}`],
        };
    }
  }

  // The end.

  /** The real one tells a result of the turn where it interrupts a tool, else none. */
  #interruptedBySignal() {
    if (this.stubborn) return;
    this.queue = [];
    this.#mute = this.#turn?.inTool !== true;
    this.#turn?.interrupt();
    setTimeout(() => this.#leave(0), this.#turn ? 100 : 0);
  }

  #signalled(code) {
    if (!this.stubborn) this.#leave(code);
  }

  async #end() {
    this.#ended = true;
    await this.hook('SessionEnd', { reason: 'other' }, 'other');
    this.transcript.close(this.costBefore);
    this.#leave(this.#exitCode);
  }

  vanish(code) {
    this.#leave(code);
    return new Promise(() => {});
  }

  #leave(code) {
    this.#ended = true;
    for (const pid of this.children) kill(pid);
    process.exit(code);
  }
}

function denial(message) {
  return { decision: { behavior: 'deny', message } };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textOf(content) {
  return typeof content === 'string' ? content : content.map(({ text = '' }) => text).join('\n');
}

/** What the conversation had cost when it last came to a clean end. */
function costIn(path) {
  if (!existsSync(path)) return 0;
  const states = readFileSync(path, 'utf8').split('\n').map(parsed);
  return states.findLast((state) => state?.type === 'cost-state')?.totalCostUSD ?? 0;
}
