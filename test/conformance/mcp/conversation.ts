import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CallToolResult,
  type ElicitRequestFormParams,
  fromJsonSchema,
  inputRequired,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { ListName } from '../../../src/resources/audience.ts';

/* Tools that say something, or ask the client, before they answer. */

const STEP_MS = 50;

export const text = (said: string): CallToolResult => ({ content: [{ type: 'text', text: said }] });

export function addConversationTools(server: McpServer, listChanged: (kind: ListName) => void): void {
  const tool = (name: string, run: (ctx: ServerContext) => Promise<CallToolResult> | CallToolResult): void => {
    server.registerTool(name, { description: `Behaves as the scenario of ${name} wants it.` }, run);
  };
  tool('test_tool_with_logging', async (ctx) => {
    for (const said of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await ctx.mcpReq.log('info', said);
      await sleep(STEP_MS);
    }
    return text('logged');
  });
  tool('test_logging_tool', async (ctx) => {
    await ctx.mcpReq.log('info', 'only for those who asked');
    return text('logged');
  });
  tool('test_tool_with_progress', async (ctx) => {
    for (const progress of [0, 50, 100]) {
      await sayProgress(ctx, progress);
      await sleep(STEP_MS);
    }
    return text('done');
  });
  tool('test_reconnection', async (ctx) => {
    ctx.http?.closeSSE?.();
    await sleep(2 * STEP_MS);
    return text('delivered after the stream was closed');
  });
  tool('test_trigger_tool_change', () => changed('tools'));
  tool('test_trigger_prompt_change', () => changed('prompts'));
  server.registerTool('test_missing_capability', { description: 'Needs what few clients can do: sampling.' }, () =>
    inputRequired({ inputRequests: { word: inputRequired.createMessage({ messages: [], maxTokens: 1 }) } }),
  );
  server.registerTool('test_streaming_elicitation', { description: 'Asks in its answer, not beside it.' }, () =>
    inputRequired({ inputRequests: { name: inputRequired.elicit(NAME) } }),
  );
  tool('test_elicitation_sep1034_defaults', (ctx) => elicited(ctx, { message: 'Defaults', requestedSchema: DEFAULTS }));
  tool('test_elicitation_sep1330_enums', (ctx) => elicited(ctx, { message: 'Choices', requestedSchema: ENUMS }));
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the user.', inputSchema: z.object({ message: z.string() }) },
    ({ message }, ctx) => elicited(ctx, { message, requestedSchema: USER }, 'User response'),
  );
  server.registerTool(
    'test_sampling',
    { description: 'Asks the client’s model.', inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, ctx) => {
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: prompt } }];
      const { content } = await ctx.mcpReq.requestSampling({ messages, maxTokens: 100 });
      return text(`LLM response: ${JSON.stringify(content)}`);
    },
  );
  server.registerTool(
    'test_custom_headers',
    {
      description: 'One argument is repeated in a header.',
      inputSchema: z.object({ region: z.string().meta({ 'x-mcp-header': 'Region' }) }),
    },
    ({ region }) => text(region),
  );
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Its schema uses the words of JSON Schema 2020-12.', inputSchema: fromJsonSchema(RICH) },
    () => text('ok'),
  );

  function changed(kind: ListName): CallToolResult {
    listChanged(kind);
    return text(`${kind} changed`);
  }
}

async function sayProgress({ mcpReq }: ServerContext, progress: number): Promise<void> {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
}

async function elicited(
  { mcpReq }: ServerContext,
  params: ElicitRequestFormParams,
  said = 'Elicitation completed',
): Promise<CallToolResult> {
  const { action, content } = await mcpReq.elicitInput(params);
  return text(`${said}: action=${action}, content=${JSON.stringify(content)}`);
}

const NAME = {
  message: 'What is your name?',
  requestedSchema: { type: 'object' as const, properties: { name: { type: 'string' as const } }, required: ['name'] },
};

const USER: ElicitRequestFormParams['requestedSchema'] = {
  type: 'object',
  properties: {
    username: { type: 'string', description: "User's response" },
    email: { type: 'string', description: "User's email address" },
  },
  required: ['username', 'email'],
};

const DEFAULTS: ElicitRequestFormParams['requestedSchema'] = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
};

const options = ['option1', 'option2', 'option3'];
const titled = (word: string) =>
  ['First', 'Second', 'Third'].map((nth, i) => ({ const: `value${i + 1}`, title: `${nth} ${word}` }));

const ENUMS: ElicitRequestFormParams['requestedSchema'] = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: options },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
    titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
  },
};

const RICH = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object' as const,
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};
