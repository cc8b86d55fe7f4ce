import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure, Turn } from './play.ts';
import { events, type Json } from './script.ts';

export interface How {
  readonly streamed: boolean;
  readonly model: string;
}

let number = 0;

/** A turn in the Messages API's words, at its own pace. */
export async function deliver(turn: Turn, response: ServerResponse, how: How): Promise<void> {
  number += 1;
  if ('fails' in turn) return fail(turn.fails, response, how);
  const content = contentOf(turn);
  const stop_reason = 'uses' in turn ? 'tool_use' : (turn.stop ?? 'end_turn');
  const { input: input_tokens, output: output_tokens } = ('usage' in turn && turn.usage) || { input: 100, output: 10 };
  const usage = { input_tokens, output_tokens, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const head = { id: `msg_${number}`, type: 'message', role: 'assistant', model: how.model, stop_sequence: null };
  if (!how.streamed) return answer(response, 200, { ...head, content, stop_reason, usage });
  begin(response, { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } });
  for (const [index, block] of content.entries()) {
    if (!(await send(response, index, block, turn.pace ?? 0))) return;
  }
  const end = { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens } };
  response.end(events([end, { type: 'message_stop' }]));
}

function contentOf(turn: Exclude<Turn, { fails: unknown }>): Json[] {
  const words = turn.say === undefined ? [] : [{ type: 'text', text: turn.say }];
  const uses = 'uses' in turn ? turn.uses : [];
  return [
    ...words,
    ...uses.map(({ name, input }, index) => ({ type: 'tool_use', id: `toolu_${number}_${index}`, name, input })),
  ];
}

function begin(response: ServerResponse, message: Json): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(events([{ type: 'message_start', message }]));
}

/** False: whoever asked has gone. */
async function send(response: ServerResponse, index: number, block: Json, pace: number): Promise<boolean> {
  const isText = block.type === 'text';
  const content_block = isText ? { type: 'text', text: '' } : { ...block, input: {} };
  response.write(events([{ type: 'content_block_start', index, content_block }]));
  const text = String(block.text ?? '');
  const parts = pace > 0 ? (text.match(/\S+\s*|\s+/g) ?? []) : [text];
  const deltas: Json[] = isText
    ? parts.map((part) => ({ type: 'text_delta', text: part }))
    : [{ type: 'input_json_delta', partial_json: JSON.stringify(block.input) }];
  for (const delta of deltas) {
    if (response.destroyed) return false;
    response.write(events([{ type: 'content_block_delta', index, delta }]));
    if (pace > 0) await sleep(pace);
  }
  return response.write(events([{ type: 'content_block_stop', index }])) || !response.destroyed;
}

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

function fail(failure: Failure, response: ServerResponse, how: How): void {
  if (failure !== 'dropped') {
    const error = { type: TYPES[failure.status] ?? 'api_error', message: failure.message };
    answer(response, failure.status, { type: 'error', error }, failure.headers);
    return;
  }
  if (how.streamed) begin(response, { id: `msg_${number}`, type: 'message', role: 'assistant', content: [] });
  setTimeout(() => response.destroy(), 50);
}

function answer(
  response: ServerResponse,
  status: number,
  body: Json,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': `req_${number}`, ...headers });
  response.end(JSON.stringify(body));
}
