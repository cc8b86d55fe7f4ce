import { type Asked, type Dialect, events, type Json, list, type OfferedTool, type Reply, textOf } from './script.ts';

/** The Responses API, as far as Codex needs it. */
export const openai: Dialect = {
  asked(body): Asked | undefined {
    const input = list(body.input);
    if (list(body.tools).length === 0) return undefined; // a name for the conversation
    return {
      tools: list(body.tools).flatMap(offered),
      words: [textOf(body.instructions), ...input.map(({ content }) => textOf(content))].join('\n'),
      answers: input
        .filter(({ type }) => type === 'function_call_output')
        .map(({ output }) => ({ text: textOf(output), isError: false })),
    };
  },
  stream(reply, number) {
    const item = { ...itemOf(reply, number), status: 'completed' };
    const response = { id: `resp_${number}`, object: 'response', status: 'completed', output: [item] };
    const all: Json[] = [
      { type: 'response.created', response: { ...response, status: 'in_progress', output: [] } },
      { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress' } },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response: { ...response, usage } },
    ];
    return events(all.map((event, sequence_number) => ({ ...event, sequence_number })));
  },
};

const usage = {
  input_tokens: 100,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 10,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 110,
};

/** The tools of one MCP server may come together, as a namespace. */
function offered({ type, name, description, parameters, tools }: Json): OfferedTool[] {
  const own = { name: String(name ?? type), description: String(description ?? ''), schema: parameters };
  const inner = list(tools).flatMap(offered);
  return [own, ...inner.map((tool) => ({ ...tool, name: `${own.name}${tool.name}` }))];
}

function itemOf(reply: Reply, number: number): Json {
  if ('say' in reply) {
    const content = [{ type: 'output_text', text: reply.say, annotations: [] }];
    return { type: 'message', id: `msg_${number}`, role: 'assistant', content };
  }
  const called = {
    name: reply.call,
    arguments: JSON.stringify(reply.with),
    ...(reply.space && { namespace: reply.space }),
  };
  return { type: 'function_call', id: `fc_${number}`, call_id: `call_${number}`, ...called };
}
