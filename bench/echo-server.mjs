// The plainest server that the SDK makes: one tool on stdio that answers what it was given.
import { McpServer } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

const server = new McpServer({ name: 'echo', version: '1' });
const shape = z.object({ id: z.string() });
server.registerTool('echo', { description: 'Echo', inputSchema: shape, outputSchema: shape }, async ({ id }) => ({
  content: [{ type: 'text', text: JSON.stringify({ id }) }],
  structuredContent: { id },
}));
await server.connect(new StdioServerTransport());
