import { answerText, plainLine } from '../../model/plain-text.ts';
import type { AccountWindow } from '../../model/profile.ts';
import type { Usage } from '../../model/session.ts';
import type { Tokens } from '../../model/usage.ts';
import type { AgentFailure } from '../agent.ts';
import type { Progress, RunState, StreamReader } from '../headless.ts';
import { Spent } from '../spent.ts';
import { resultFailure } from './headless-failures.ts';
import { inputText, MOST, resultText, retryText, shownOf, told } from './headless-progress.ts';
import { type ModelUsage, type ResultLine, type StreamBlock, type StreamLine, streamLine } from './headless-records.ts';
import { SYNTHETIC } from './records.ts';
import { windowsOf } from './windows.ts';

/*
 * 1. Each turn begins with an `init` and ends with a `result`; the last result counts. What an earlier one said is
 *    forgotten as soon as another turn begins: a run that ends in the midst of it has no answer.
 * 2. Work in the background is listed whenever it changes. Its end is told to the agent: in the turn that runs, after its
 *    next tool (that is replayed), or in a turn of its own, some 30 ms later. Until then the run is not idle.
 * 3. Usage and cost are this run's own: what was spent since the last result is added up. The totals of a resumed
 *    conversation count what earlier runs have spent.
 * 4. What could not be asked, since nobody held its input, was refused by nobody: the work is not done without it.
 */

/** What is longer is cut, so that no line can fill the memory. */
const LONGEST_ANSWER = 1_000_000; // characters
const MOST_DENIALS = 100;
const ENDED: ReadonlySet<string> = new Set(['completed', 'failed']);

export class HeadlessReader implements StreamReader {
  #conversation: string | undefined;
  #model: string | undefined;
  #inTurn = false;
  #background = 0;
  /** Tasks that were listed as in the background: of the end of any other one the agent is not told. */
  readonly #listed = new Set<string>();
  /** Tasks in the background that have ended, and the agent has not been told. */
  readonly #news = new Set<string>();
  #unasked = false;
  #answer: RunState['answer'];
  #failure: AgentFailure | undefined;
  readonly #denials = new Map<string, RunState['denials'][number]>();
  #usage: Usage | undefined;
  /** Since the last result, by message: a result tells of all of it. */
  readonly #underway = new Map<string, { readonly model: string | undefined; readonly tokens: Tokens }>();
  readonly #windows = new Map<string, AccountWindow>();
  #turns = 0;
  #results = 0;
  /** The class of the failure that the newest message tells of, and when it came. */
  #error: string | undefined;
  #at: number | undefined;
  /** When the limit ends that was met last, in ms. */
  #resets: number | undefined;

  get now(): RunState {
    return {
      ...(this.#conversation !== undefined && { conversation: this.#conversation }),
      ...(this.#model !== undefined && { model: this.#model }),
      idle: this.#results > 0 && !this.#inTurn && this.#background === 0 && this.#news.size === 0,
      ...(this.#answer && { answer: this.#answer }),
      ...(this.#failure && { failure: this.#failure }),
      denials: [...this.#denials.values()],
      ...(this.#usage && { usage: this.#usage }),
      ...(this.#underway.size > 0 && { underway: this.#spentUnderway() }),
      ...(this.#windows.size > 0 && { windows: [...this.#windows.values()] }),
      ...(this.#results > 0 && { turns: this.#turns }),
      results: this.#results,
    };
  }

  take(line: string): readonly Progress[] {
    const read = streamLine(line);
    return read ? this.#take(read) : [];
  }

  #take(line: StreamLine): readonly Progress[] {
    switch (line.type) {
      case 'system':
        return this.#system(line);
      case 'rate_limit_event':
        return this.#limit(line.rate_limit_info);
      case 'assistant':
        return this.#assistant(line);
      case 'user':
        return this.#user(line);
      case 'result':
        this.#result(line);
        return [];
    }
  }

  #system(line: Extract<StreamLine, { type: 'system' }>): readonly Progress[] {
    switch (line.subtype) {
      case 'init':
        this.#conversation = line.session_id;
        this.#model = line.model;
        this.#begin();
        return [];
      case 'api_retry':
        return told('system', retryText(line));
      case 'background_tasks_changed':
        this.#background = line.tasks.length;
        for (const { task_id } of line.tasks) this.#listed.add(task_id);
        return [];
      case 'task_notification':
        if (this.#listed.delete(line.task_id) && ENDED.has(line.status)) this.#news.add(line.task_id);
        return told('system', plainLine(line.summary.slice(0, MOST.tool)));
      case 'permission_denied':
        return told('system', plainLine(`${line.tool_name} was not allowed: ${line.message}`.slice(0, MOST.error)));
    }
  }

  /** Invariant 1. */
  #begin(): void {
    this.#inTurn = true;
    this.#news.clear();
    this.#answer = undefined;
    this.#failure = undefined;
    this.#error = undefined;
  }

  #spentUnderway() {
    const spent = new Spent();
    for (const { model, tokens } of this.#underway.values()) spent.add(model, tokens);
    return spent.all;
  }

  #limit(info: Extract<StreamLine, { type: 'rate_limit_event' }>['rate_limit_info']) {
    const { status, resetsAt, rateLimitType } = info;
    for (const window of windowsOf(info)) this.#windows.set(window.name, window);
    if (status === 'allowed') return [];
    if (status === 'rejected') this.#resets = resetsAt && resetsAt * 1_000;
    const until = resetsAt === undefined ? '' : `, resets ${new Date(resetsAt * 1_000).toISOString()}`;
    return told('system', plainLine(`limit ${rateLimitType ?? ''}: ${status}${until}`.slice(0, MOST.tool)));
  }

  #assistant(line: Extract<StreamLine, { type: 'assistant' }>): readonly Progress[] {
    this.#clock(line.timestamp);
    if (!line.parent_tool_use_id) {
      if (!this.#inTurn) this.#begin();
      this.#error = line.error;
    }
    const { id, model, usage } = line.message;
    if (usage && model !== SYNTHETIC) this.#underway.set(id, { model, tokens: tokensOf(usage) });
    const by = line.error === undefined ? 'agent' : 'system';
    return line.message.content.flatMap((block) => shownOf(block, by));
  }

  #user(line: Extract<StreamLine, { type: 'user' }>): readonly Progress[] {
    this.#clock(line.timestamp);
    this.#unasked ||= line.message.content.some(isUnasked); // invariant 4
    const text = line.message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    if (line.isReplay && text.startsWith('<task-notification>')) {
      for (const task of this.#news) if (text.includes(task)) this.#news.delete(task);
      return []; // it was shown when it came
    }
    return line.message.content.flatMap((block) => shownOf(block, line.isReplay ? 'user' : 'system'));
  }

  #clock(timestamp: string | undefined): void {
    const at = Date.parse(timestamp ?? '');
    if (!Number.isNaN(at)) this.#at = at;
  }

  #result(line: ResultLine): void {
    this.#results++;
    this.#turns += line.num_turns;
    this.#inTurn = false;
    this.#spend(line);
    for (const { tool_name, tool_use_id, tool_input } of line.permission_denials) {
      if (this.#denials.size < MOST_DENIALS)
        this.#denials.set(tool_use_id || `${this.#denials.size}`, {
          tool: plainLine(tool_name.slice(0, MOST.tool)),
          input: inputText(tool_input),
        });
    }
    this.#failure = resultFailure(line, {
      error: this.#error,
      at: this.#at,
      resets: this.#resets,
      usage: this.#usage,
      unasked: this.#unasked,
    });
    this.#answer = this.#failure || typeof line.result !== 'string' ? undefined : answerOf(line, line.result);
  }

  /** Invariant 3. */
  #spend({ model_usage_since_last_result: spent }: ResultLine): void {
    this.#underway.clear();
    const before = this.#usage;
    const models = Object.values(spent ?? {});
    if (before === undefined && models.length === 0) return;
    const sum = (key: keyof ModelUsage) => models.reduce((total, usage) => total + usage[key], 0);
    this.#usage = {
      input_tokens: (before?.input_tokens ?? 0) + sum('inputTokens'),
      output_tokens: (before?.output_tokens ?? 0) + sum('outputTokens'),
      cache_read_tokens: (before?.cache_read_tokens ?? 0) + sum('cacheReadInputTokens'),
      cache_write_tokens: (before?.cache_write_tokens ?? 0) + sum('cacheCreationInputTokens'),
      cost_usd: (before?.cost_usd ?? 0) + sum('costUSD'),
    };
  }
}

function tokensOf(usage: NonNullable<Extract<StreamLine, { type: 'assistant' }>['message']['usage']>): Tokens {
  return {
    input_tokens: usage.input_tokens,
    output_tokens: usage.output_tokens,
    cache_read_tokens: usage.cache_read_input_tokens,
    cache_write_tokens: usage.cache_creation_input_tokens,
  };
}

function answerOf({ structured_output }: ResultLine, text: string): RunState['answer'] {
  const structured = structured_output === undefined ? {} : { structured: structured_output };
  return { text: answerText(text.slice(0, LONGEST_ANSWER)), ...structured };
}

function isUnasked(block: StreamBlock): boolean {
  if (block.type !== 'tool_result' || !block.is_error) return false;
  return /^(Error: )?Tool permission request failed:.*stream closed/i.test(resultText(block.content));
}
