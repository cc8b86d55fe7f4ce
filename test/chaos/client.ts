import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

type Answer = Record<string, unknown>;

/** A client over stdio. Its bridge starts a new runtime whenever the old one is gone. */
export interface Talk {
  /** What the tool answered; a refusal has `error`. */
  ask(tool: string, args?: Answer): Promise<Answer>;
  close(): Promise<void>;
}

const PATIENCE_MS = 30_000;

export async function talk(program: string, env: Record<string, string>): Promise<Talk> {
  const client = new Client({ name: 'chaos', version: '1' });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [program, 'mcp'], env, stderr: 'ignore' }),
  );
  return {
    async ask(name, args = {}) {
      const asked = new Date().toISOString();
      const { structuredContent, content, isError } = await client
        .callTool({ name, arguments: args }, { timeout: PATIENCE_MS })
        .catch((error: Error) => {
          throw new Error(`${name}, asked at ${asked}: ${error.message}`);
        });
      if (isError) return { error: structuredContent ?? content };
      return structuredContent as Answer;
    },
    close: () => client.close(),
  };
}
