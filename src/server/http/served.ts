import type { IncomingMessage, ServerResponse } from 'node:http';
import type { McpServer, Server } from '@modelcontextprotocol/server';
import type { Changed, Listening } from '../../resources/audience.ts';
import type { Caller } from '../../runtime/yard.ts';
import type { Toolset } from '../../toolset.ts';
import type { Known } from './bearers.ts';

/** What one client sees, and how it hears of changes. */
export interface Served {
  readonly server: Server | McpServer;
  readonly changed: Changed;
  readonly listening: Listening;
}

export type Serve = (caller: Caller, era: 'legacy' | 'modern', toolset: Toolset) => Served;

/** One request that was admitted. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly known: Known;
}
