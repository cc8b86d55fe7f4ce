import { McpServer } from '@modelcontextprotocol/server';
import type { ListName } from '../../../src/resources/audience.ts';
import type { Serve } from '../../../src/server/http/served.ts';
import { addAsking, states } from './asking.ts';
import { addContentTools } from './content.ts';
import { addConversationTools } from './conversation.ts';
import { addPrompts, addResources } from './reading.ts';

const HINT = { ttlMs: 60_000, cacheScope: 'private' } as const;

/** What the official suite wants to find behind the transport that it tests. */
export function fixture(listChanged: (kind: ListName) => void): Serve {
  return () => {
    const server = new McpServer(
      { name: 'fixture', version: '1.0.0' },
      {
        capabilities: {
          tools: { listChanged: true },
          prompts: { listChanged: true },
          resources: { subscribe: true, listChanged: true },
          logging: {},
          completions: {},
        },
        requestState: { verify: states.verify },
        cacheHints: {
          'tools/list': HINT,
          'prompts/list': HINT,
          'resources/list': HINT,
          'resources/templates/list': HINT,
          'resources/read': HINT,
        },
      },
    );
    addContentTools(server);
    addConversationTools(server, listChanged);
    addAsking(server);
    addResources(server);
    addPrompts(server);
    return { server, changed: () => {}, listening: 'lists' };
  };
}
