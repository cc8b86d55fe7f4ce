import { answerText, plainText } from '../../model/plain-text.ts';
import type { Progress, RunState, StreamReader } from '../headless.ts';
import { failureOf } from './failures.ts';
import { type Event, eventIn, type Item } from './headless-events.ts';
import { tokensOf } from './tokens.ts';

const MOST = { answer: 1_000_000, shown: 8_000, denials: 100 };

/** "MCP tool call requires approval, but approval policy is never": a server's own settings may approve its tools. */
const NOT_ALLOWED = /requires approval/;
/** It tries again: no end yet. */
const TRY = /^Reconnecting\.\.\. \d/;

export class CodexReader implements StreamReader {
  #state: RunState = { idle: false, denials: [], results: 0 };

  get now(): RunState {
    return this.#state;
  }

  take(line: string): readonly Progress[] {
    const event = eventIn(line);
    return event === undefined ? [] : this.#take(event);
  }

  #take(event: Event): readonly Progress[] {
    switch (event.type) {
      case 'thread.started':
        this.#state = { ...this.#state, conversation: event.thread_id };
        return [];
      case 'turn.started':
        this.#state = { ...this.#withoutFailure, idle: false };
        return [];
      case 'item.started':
        return begun(event.item);
      case 'item.completed':
        return this.#ended(event.item);
      case 'turn.completed':
        this.#state = this.#withoutFailure;
        this.#over(event.usage && { usage: tokensOf(event.usage), usage_of_conversation: true });
        return [];
      case 'turn.failed': {
        const { message } = event.error;
        const failure = (message === '' ? this.#state.failure : undefined) ?? failureOf({ message });
        this.#over({ failure });
        return [shown('system', failure.reason)];
      }
      case 'error':
        if (!TRY.test(event.message)) this.#state = { ...this.#state, failure: failureOf(event) };
        return [shown('system', event.message)];
    }
  }

  get #withoutFailure(): RunState {
    const { failure: _, ...state } = this.#state;
    return state;
  }

  #over(more: Partial<RunState> = {}): void {
    this.#state = { ...this.#state, ...more, idle: true, results: this.#state.results + 1 };
  }

  #ended(item: Item): readonly Progress[] {
    switch (item.type) {
      case 'agent_message':
        this.#state = { ...this.#state, answer: { text: answerText(item.text.slice(0, MOST.answer)) } };
        return [shown('agent', item.text)];
      case 'command_execution':
        if (item.status === 'declined') this.#denied('exec_command', item.command);
        return [shown('tool', item.aggregated_output || `exit code ${item.exit_code ?? 'unknown'}`)];
      case 'file_change':
        if (item.status === 'declined') this.#denied('apply_patch', item.changes.map(({ path }) => path).join(', '));
        return [shown('tool', item.changes.map(({ kind, path }) => `${kind} ${path}: ${item.status}`).join('\n'))];
      case 'mcp_tool_call':
        if (item.status === 'declined' || NOT_ALLOWED.test(item.error?.message ?? ''))
          this.#denied(`${item.server}.${item.tool}`, JSON.stringify(item.arguments) ?? '');
        return [shown('tool', `${item.server}.${item.tool}: ${item.error?.message || item.status}`)];
      case 'web_search':
        return [shown('tool', `searches the web: ${item.query}`)];
      case 'error':
        return [shown('system', item.message)];
    }
  }

  #denied(tool: string, input: string): void {
    const { denials } = this.#state;
    if (denials.length >= MOST.denials) return;
    this.#state = { ...this.#state, denials: [...denials, { tool, input: input.slice(0, MOST.shown) }] };
  }
}

function begun(item: Item): readonly Progress[] {
  switch (item.type) {
    case 'command_execution':
      return [shown('tool', `$ ${item.command}`)];
    case 'mcp_tool_call':
      return [shown('tool', `${item.server}.${item.tool} ${JSON.stringify(item.arguments) ?? ''}`)];
    default:
      return []; // told when it is complete
  }
}

function shown(by: Progress['by'], text: string): Progress {
  const left = text.length - MOST.shown;
  const plain = plainText(text.slice(0, MOST.shown)).trim();
  return { by, text: left > 0 ? `${plain} [… ${left} more characters]` : plain };
}
