import { createInterface } from 'node:readline';

/* An MCP server with one tool, which changes something. */

const change = {
  name: 'change',
  description: 'Changes something',
  inputSchema: { type: 'object', properties: {} },
  annotations: { readOnlyHint: false, destructiveHint: true },
};

const RESULTS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'one-tool', version: '1' },
  }),
  'tools/list': () => ({ tools: [change] }),
  'tools/call': () => ({ content: [{ type: 'text', text: 'changed' }] }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const result = RESULTS[method]?.(params);
  const said = result ? { result } : { error: { code: -32601, message: `no ${method} here` } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...said })}\n`);
}
