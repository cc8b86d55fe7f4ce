import { answerText, plainText } from '../../model/plain-text.ts';
import type { Usage } from '../../model/session.ts';
import type { AgentFailure } from '../agent.ts';
import type { Progress, RunState, StreamReader } from '../headless.ts';
import { failureOf } from './failures.ts';
import { type Event, eventIn } from './headless-events.ts';
import { refusedTool } from './refused-tool.ts';

const MOST = { answer: 1_000_000, shown: 8_000, denials: 100, uses: 1_000 };

type Use = Extract<Event, { type: 'tool_use' }>;
type Result = Extract<Event, { type: 'result' }>;

export class GeminiReader implements StreamReader {
  #state: RunState = { idle: false, denials: [], results: 0 };
  /** What it has said since its last tool: in the end that is the answer. */
  #said = '';
  /** Of that, what nobody was shown yet. */
  #unshown = '';
  readonly #uses = new Map<string, Use>();

  get now(): RunState {
    return this.#state;
  }

  take(line: string): readonly Progress[] {
    const event = eventIn(line);
    if (event === undefined) return [];
    if (event.type === 'message' && event.role === 'assistant') return this.#say(event.content);
    return [...this.#flush(), ...this.#take(event)];
  }

  /** Pieces are shown together, when something else comes. */
  #say(piece: string): readonly Progress[] {
    this.#said = (this.#said + piece).slice(0, MOST.answer);
    this.#unshown = (this.#unshown + piece).slice(0, MOST.answer);
    this.#state = { ...this.#state, answer: { text: answerText(this.#said) } };
    return [];
  }

  #flush(): readonly Progress[] {
    const text = this.#unshown;
    this.#unshown = '';
    return text.trim() === '' ? [] : [shown('agent', text)];
  }

  #take(event: Event): readonly Progress[] {
    switch (event.type) {
      case 'init':
        this.#state = {
          ...this.#state,
          conversation: event.session_id,
          ...(event.model !== undefined && { model: event.model }),
        };
        return [];
      case 'message':
        return []; // the prompt, which is known
      case 'tool_use':
        return this.#begin(event);
      case 'tool_result':
        return this.#end(event);
      case 'error':
        if (isEnd(event)) this.#state = { ...this.#state, failure: endOf(event.message) };
        return [shown('system', event.message)];
      case 'result':
        return this.#over(event);
    }
  }

  /** What was said before a tool is no answer to what was asked. */
  #begin(use: Use): readonly Progress[] {
    this.#said = '';
    const { answer: _, ...state } = this.#state;
    this.#state = state;
    if (this.#uses.size < MOST.uses) this.#uses.set(use.tool_id, use);
    return [shown('tool', `${use.tool_name} ${JSON.stringify(use.parameters) ?? ''}`)];
  }

  #end(result: Extract<Event, { type: 'tool_result' }>): readonly Progress[] {
    const use = this.#uses.get(result.tool_id);
    this.#uses.delete(result.tool_id);
    const { denials } = this.#state;
    if (use && result.error && refusedTool(use.tool_name, result.error) && denials.length < MOST.denials) {
      const input = (JSON.stringify(use.parameters) ?? '').slice(0, MOST.shown);
      this.#state = { ...this.#state, denials: [...denials, { tool: use.tool_name, input }] };
    }
    return [shown('tool', result.error?.message || result.output || result.status)];
  }

  #over({ status, error, stats }: Result): readonly Progress[] {
    const failure = status === 'success' ? undefined : (this.#state.failure ?? failureOf(error?.message ?? ''));
    const [model, ...others] = Object.keys(stats?.models ?? {});
    this.#state = {
      ...this.#state,
      ...(failure && { failure }),
      ...(stats && { usage: usageOf(stats) }),
      ...(model !== undefined && others.length === 0 && { model }),
      idle: true,
      results: this.#state.results + 1,
    };
    return failure === undefined ? [] : [shown('system', failure.reason)];
  }
}

/** After these it says no more, whatever its result is called: that is `success` after the first two. */
const ENDS = /^(?:Loop detected|Maximum session turns)/;

function isEnd({ severity, message }: Extract<Event, { type: 'error' }>): boolean {
  return severity === 'error' || ENDS.test(message);
}

/** An empty answer may be a better one next time; what was blocked, or went round in circles, is so again. */
const MAY_PASS = /empty response|no final response/;

function endOf(message: string): AgentFailure {
  return { ...failureOf(message), class: MAY_PASS.test(message) ? 'crash' : 'logic_error' };
}

function usageOf({ input_tokens, output_tokens, cached }: NonNullable<Result['stats']>): Usage {
  return {
    input_tokens: Math.max(0, input_tokens - cached),
    output_tokens,
    cache_read_tokens: cached,
    cache_write_tokens: 0,
  };
}

function shown(by: Progress['by'], text: string): Progress {
  const left = text.length - MOST.shown;
  const plain = plainText(text.slice(0, MOST.shown)).trim();
  return { by, text: left > 0 ? `${plain} [… ${left} more characters]` : plain };
}
