import { randomBytes } from 'node:crypto';
import {
  acceptedContent,
  type CallToolResult,
  createRequestStateCodec,
  type InputRequests,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { text } from './conversation.ts';

/* Tools and a prompt that need more than one round: what they ask goes out as a result, and comes back with the next call. */

/** What a tool has to remember between rounds travels through the client, sealed. */
export const states = createRequestStateCodec<string>({ key: randomBytes(32) });

type Answer = CallToolResult | InputRequiredResult;

const field = (type: 'string' | 'boolean', name: string, message: string) =>
  inputRequired.elicit({
    message,
    requestedSchema: {
      type: 'object',
      properties: { [name]: type === 'string' ? { type } : { type } },
      required: [name],
    },
  });
const question = (said: string, maxTokens: number) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: said } }], maxTokens });
const Name = z.object({ name: z.string() });

const TOOLS: Readonly<Record<string, (ctx: ServerContext, server: McpServer) => Promise<Answer> | Answer>> = {
  elicitation: ({ mcpReq }) => {
    const given = acceptedContent(mcpReq.inputResponses, 'user_name', Name);
    return given ? text(`Hello, ${given.name}!`) : ask({ user_name: field('string', 'name', 'What is your name?') });
  },
  sampling: ({ mcpReq }) => {
    const given = inputResponse(mcpReq.inputResponses, 'capital_question');
    if (given.kind === 'sampling') return text(JSON.stringify(given.result.content));
    return ask({ capital_question: question('What is the capital of France?', 100) });
  },
  list_roots: ({ mcpReq }) => {
    const given = inputResponse(mcpReq.inputResponses, 'client_roots');
    return given.kind === 'roots'
      ? text(given.roots.map(({ uri }) => uri).join(', '))
      : ask({ client_roots: inputRequired.listRoots() });
  },
  request_state: async (ctx) => {
    if (ctx.mcpReq.requestState<string>() === 'confirm') return text('state-ok');
    return ask({ confirm: field('boolean', 'ok', 'Please confirm') }, await states.mint('confirm', ctx));
  },
  tampered_state: async (ctx) => {
    if (ctx.mcpReq.requestState<string>() === 'sealed') return text('state-ok');
    return ask({ confirm: field('boolean', 'ok', 'Please confirm') }, await states.mint('sealed', ctx));
  },
  multiple_inputs: async (ctx) => {
    if (ctx.mcpReq.requestState<string>() === 'all') return text('all given');
    const requests = {
      user_name: field('string', 'name', 'What is your name?'),
      greeting: question('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    };
    return ask(requests, await states.mint('all', ctx));
  },
  multi_round: async (ctx) => {
    switch (ctx.mcpReq.requestState<string>()) {
      case 'second':
        return text('both steps done');
      case 'first':
        return ask(
          { step2: field('string', 'color', 'Step 2: What is your favorite color?') },
          await states.mint('second', ctx),
        );
      default:
        return ask({ step1: field('string', 'name', 'Step 1: What is your name?') }, await states.mint('first', ctx));
    }
  },
  capabilities: (_ctx, server) => {
    const can = server.server.getClientCapabilities();
    return ask({
      ...(can?.elicitation ? { user_name: field('string', 'name', 'What is your name?') } : {}),
      ...(can?.sampling ? { greeting: question('Generate a greeting', 50) } : {}),
    });
  },
};

export function addAsking(server: McpServer): void {
  for (const [name, run] of Object.entries(TOOLS)) {
    const tool = `test_input_required_result_${name}`;
    server.registerTool(tool, { description: `Asks as the scenario of ${tool} wants it.` }, (ctx) => run(ctx, server));
  }
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Asks before it answers.' },
    ({ mcpReq }) => {
      const given = acceptedContent(mcpReq.inputResponses, 'user_context', z.object({ context: z.string() }));
      if (!given) return ask({ user_context: field('string', 'context', 'What context should the prompt use?') });
      return { messages: [{ role: 'user', content: { type: 'text', text: given.context } }] };
    },
  );
}

function ask(inputRequests: InputRequests, requestState?: string): InputRequiredResult {
  return inputRequired({ inputRequests, ...(requestState === undefined ? {} : { requestState }) });
}
