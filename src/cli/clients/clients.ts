/*
 * How the clients that we know of are told about an MCP server: which file, under which key, in whose words.
 */

export const CLIENTS = ['claude', 'codex', 'gemini', 'vscode', 'cursor'] as const;
export type ClientName = (typeof CLIENTS)[number];

/** How a client gets to the runtime. */
export type Way =
  | {
      readonly kind: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  /** Without a token the entry refers to the variable YARDMASTER_TOKEN, so that no file holds the secret. */
  | { readonly kind: 'http'; readonly url: string; readonly token: string | undefined };

export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value };
export type Entry = Readonly<Record<string, Value>>;

/** What goes into a client's file: the entry `yardmaster` under `servers`, and what it refers to. */
export interface Block {
  readonly client: ClientName;
  readonly title: string;
  readonly format: 'json' | 'toml';
  /** `~/` is the user's home; else in the project's folder. */
  readonly file: string;
  readonly servers: string;
  readonly entry: Entry;
  /** Elements of other lists that the entry needs, by the list's key. */
  readonly beside?: Readonly<Record<string, Entry>>;
  /** What shows that it works. */
  readonly check: string;
}

/** The variable that an entry without a token refers to. */
export const TOKEN_VARIABLE = 'YARDMASTER_TOKEN';

/** A wait of job_status takes 45 s, and begins again when the runtime is restarted under it. */
const CODEX_TIMES = { startup_timeout_sec: 30, tool_timeout_sec: 120 };

export function blockFor(client: ClientName, way: Way): Block {
  switch (client) {
    case 'claude':
      return {
        ...{ client, title: 'Claude Code', format: 'json', file: '.mcp.json', servers: 'mcpServers' },
        entry: way.kind === 'stdio' ? started(way) : { type: 'http', ...asked(way, `\${${TOKEN_VARIABLE}}`) },
        check: 'claude mcp list',
      };
    case 'codex':
      return {
        ...{ client, title: 'Codex', format: 'toml', file: '~/.codex/config.toml', servers: 'mcp_servers' },
        entry: { ...(way.kind === 'stdio' ? started(way) : askedByCodex(way)), ...CODEX_TIMES },
        check: 'codex mcp list',
      };
    case 'gemini':
      return {
        ...{ client, title: 'Gemini CLI', format: 'json', file: '~/.gemini/settings.json', servers: 'mcpServers' },
        entry: way.kind === 'stdio' ? started(way) : askedByGemini(way),
        check: 'gemini mcp list',
      };
    case 'vscode':
      return {
        ...{ client, title: 'VS Code', format: 'json', file: '.vscode/mcp.json', servers: 'servers' },
        ...(way.kind === 'stdio' ? { entry: { type: 'stdio', ...started(way) } } : askedByCode(way)),
        check: 'MCP: List Servers in the command palette',
      };
    case 'cursor':
      return {
        ...{ client, title: 'Cursor', format: 'json', file: '~/.cursor/mcp.json', servers: 'mcpServers' },
        entry: way.kind === 'stdio' ? started(way) : asked(way, `\${env:${TOKEN_VARIABLE}}`),
        check: 'Cursor Settings → MCP',
      };
  }
}

type Http = Extract<Way, { kind: 'http' }>;

function started({ command, args, env }: Extract<Way, { kind: 'stdio' }>): Entry {
  return { command, args, ...(Object.keys(env).length > 0 && { env }) };
}

function asked({ url, token }: Http, reference: string): Entry {
  return { url, headers: bearer(token ?? reference) };
}

/** It refuses a token in its file under the name that it has for one, and takes it as a header. */
function askedByCodex({ url, token }: Http): Entry {
  return { url, ...(token === undefined ? { bearer_token_env_var: TOKEN_VARIABLE } : { http_headers: bearer(token) }) };
}

/** Its `url` means the older HTTP+SSE. */
function askedByGemini(way: Http): Entry {
  const { url, headers = {} } = asked(way, `$${TOKEN_VARIABLE}`);
  return { httpUrl: url ?? '', headers };
}

/** It asks the user once and keeps the answer among its secrets. */
function askedByCode(way: Http): Pick<Block, 'entry' | 'beside'> {
  const id = 'yardmaster-token';
  const entry = { type: 'http', ...asked(way, `\${input:${id}}`) };
  if (way.token !== undefined) return { entry };
  const description = 'Yardmaster: what `yardmaster token` prints';
  return {
    entry,
    beside: { inputs: { type: 'promptString', id, description, password: true } },
  };
}

function bearer(token: string): Entry {
  return { Authorization: `Bearer ${token}` };
}
