import { tryConnect } from './bridge/reach.ts';
import type { Home } from './home.ts';

/*
 * What `yardmaster __complete <kind> <typed>` prints for a shell: a name, a tab, a few words about it, line by line.
 * Somebody waits with a finger on the tab key: it loads next to nothing, takes a moment at most, starts no runtime, and
 * where anything is not as it should be it prints nothing.
 */

const PATIENCE_MS = 120;

export interface Asked {
  readonly kind: string;
  readonly typed: string;
  /** Of the attempt, when an agent of ours asks. */
  readonly token: string | undefined;
}

export async function completeFrom(home: Home, asked: Asked): Promise<string> {
  const late = AbortSignal.timeout(PATIENCE_MS);
  const socket = await tryConnect(home).catch(() => undefined);
  if (socket === undefined) return '';
  return new Promise((resolve) => {
    let said = '';
    const done = (text: string): void => {
      socket.destroy();
      resolve(text);
    };
    late.addEventListener('abort', () => done(''));
    for (const event of ['error', 'end', 'close']) socket.once(event, () => done(''));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      const end = said.indexOf('\n');
      if (end >= 0) done(linesIn(said.slice(0, end)));
    });
    // Without a version: this is no reason for an older runtime to make room.
    send(socket, {
      method: 'yardmaster/hello',
      params: { bridge: 'shell', ...(asked.token && { token: asked.token }) },
    });
    send(socket, { id: 1, method: 'yardmaster/complete', params: { kind: asked.kind, typed: asked.typed } });
  });
}

function send(socket: { write(line: string): unknown }, message: object): void {
  socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

function linesIn(line: string): string {
  try {
    const { result } = JSON.parse(line) as { result?: { offers?: { value: string; about: string }[] } };
    return (result?.offers ?? []).map(({ value, about }) => `${plain(value)}\t${plain(about).slice(0, 80)}\n`).join('');
  } catch {
    return '';
  }
}

/** A title may hold anything; a terminal gets letters. */
function plain(text: string): string {
  return text.replace(/\p{C}+/gu, ' ');
}
