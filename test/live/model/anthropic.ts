import { type Answer, type Asked, type Dialect, events, type Json, list, type Reply, textOf } from './script.ts';

/** The Messages API, as far as Claude Code needs it. */
export const anthropic: Dialect = {
  asked(body): Asked | undefined {
    const tools = list(body.tools);
    if (tools.length === 0) return undefined;
    const messages = list(body.messages);
    return {
      tools: tools.map(({ name, description, input_schema }) => ({
        name: String(name),
        description: String(description ?? ''),
        schema: input_schema,
      })),
      words: [textOf(body.system), ...messages.map(({ content }) => textOf(content))].join('\n'),
      answers: messages
        .flatMap(({ content }) => list(content))
        .filter(({ type }) => type === 'tool_result')
        .map(answer),
    };
  },
  stream(reply, number) {
    const usage = { input_tokens: 100, output_tokens: 10 };
    const message = { id: `msg_${number}`, type: 'message', role: 'assistant', model: 'scripted', content: [], usage };
    const stop_reason = 'say' in reply ? 'end_turn' : 'tool_use';
    return events([
      { type: 'message_start', message: { ...message, stop_reason: null, stop_sequence: null } },
      { type: 'content_block_start', index: 0, content_block: begun(reply, number) },
      { type: 'content_block_delta', index: 0, delta: rest(reply) },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 10 } },
      { type: 'message_stop' },
    ]);
  },
};

function answer({ content, is_error }: Json): Answer {
  return { text: textOf(content), isError: is_error === true };
}

function begun(reply: Reply, number: number): Json {
  if ('say' in reply) return { type: 'text', text: '' };
  return { type: 'tool_use', id: `toolu_${number}`, name: reply.call, input: {} };
}

function rest(reply: Reply): Json {
  if ('say' in reply) return { type: 'text_delta', text: reply.say };
  return { type: 'input_json_delta', partial_json: JSON.stringify(reply.with) };
}
