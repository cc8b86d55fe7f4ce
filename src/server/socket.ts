import { chmodSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { type Home, socketPath } from '../home.ts';
import { type Changed, type Listening, mostOf } from '../resources/audience.ts';
import { Session, type SessionHost } from './session.ts';

export interface SocketServer {
  /** What changed, for whoever listens. */
  readonly changed: Changed;
  /** What anybody here listens for. */
  readonly listening: Listening;
  readonly connections: number;
  /** No new connections; the open ones get `graceMs` for their answers; the socket's file goes. `to`: see CLOSING. */
  close(graceMs: number, to?: string): Promise<void>;
}

const HANG_UP_MS = 1_000;

/** Listens on the home's socket. Only for the holder of the home's lock: what another left there is removed. */
export async function listen(home: Home, host: SessionHost): Promise<SocketServer> {
  const sessions = new Set<Session>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    sessions.add(new Session({ input: socket, output: socket }, host, (session) => sessions.delete(session)));
  });
  const unbind = await bind(server, home);
  return {
    get connections() {
      return sessions.size;
    },
    changed(...what) {
      for (const session of sessions) session.changed(...what);
    },
    get listening() {
      return mostOf([...sessions].map((session) => session.listening));
    },
    async close(graceMs, to) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all([...sessions].map((session) => session.close(graceMs, to)));
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy(); // a client that does not read keeps nobody waiting
      }, HANG_UP_MS);
      await closed;
      clearTimeout(cut);
      unbind();
    },
  };
}

async function bind(server: Server, home: Home): Promise<() => void> {
  const way = socketPath(home);
  if (way === undefined) throw new Error(`The home ${home.dir} does not exist.`);
  remove(home.socket);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(way.path, () => {
      server.off('error', reject);
      resolve();
    });
  });
  chmodSync(home.socket, 0o600); // until here the home's own mode keeps others out
  return () => {
    remove(home.socket);
    way.done();
  };
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
