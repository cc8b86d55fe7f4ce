import { join } from 'node:path';
import { z } from 'zod';
import { FileTooLarge, NotARegularFile } from '../../model/file-error.ts';
import { plainLine } from '../../model/plain-text.ts';
import type { Files } from '../../ports.ts';
import type { LiveState, OtherSession } from '../agent.ts';
import { type Account, sessionsDir } from './places.ts';

/*
 * `sessions/<pid>.json`: what each running program (2.1.329) says of itself. One that was killed leaves its file behind.
 */

const MOST_BYTES = 65_536;
const MOST_SESSIONS = 500;
const LONGEST = 200;

const Session = z.object({
  pid: z.number().int().positive(),
  sessionId: z.string().min(1).max(LONGEST),
  cwd: z.string().catch(''),
  name: z.string().catch(''),
  /** When its process began, in the kernel's own measure. */
  procStart: z.string().optional().catch(undefined),
  status: z.enum(['idle', 'busy', 'waiting']).or(z.literal('unknown')).catch('unknown'),
  waitingFor: z.string().optional().catch(undefined),
  updatedAt: z.number().catch(0),
});
type Session = z.infer<typeof Session>;

export async function liveState(
  files: Files,
  where: Account & { readonly pid: number },
): Promise<LiveState | undefined> {
  const session = await readSession(files, join(sessionsDir(where), `${where.pid}.json`));
  if (session === undefined || session.pid !== where.pid) return undefined;
  const { status, waitingFor, sessionId, updatedAt } = session;
  return {
    status,
    ...(waitingFor !== undefined && { waiting_for: plainLine(waitingFor.slice(0, LONGEST)) }),
    conversation: sessionId,
    at: updatedAt,
  };
}

/** Those whose process lives, as far as this system lets us see. */
export async function otherSessions(files: Files, account: Account): Promise<readonly OtherSession[]> {
  const dir = sessionsDir(account);
  const names = ((await files.list(dir)) ?? []).filter(({ name, kind }) => kind === 'file' && /^\d+\.json$/.test(name));
  const found = await Promise.all(
    names.slice(0, MOST_SESSIONS).map(async ({ name }) => {
      const session = await readSession(files, join(dir, name));
      return session && name === `${session.pid}.json` && (await lives(files, session)) ? [viewOf(session)] : [];
    }),
  );
  return found.flat();
}

function viewOf({ name, pid, sessionId, cwd, status, updatedAt }: Session): OtherSession {
  return {
    name: plainLine(name.slice(0, LONGEST)) || `claude-${pid}`,
    pid,
    conversation: sessionId,
    cwd: plainLine(cwd),
    status,
    at: updatedAt,
  };
}

/** By the kernel's table of processes, where it can be read as files; else the program is believed. */
async function lives(files: Files, { pid, procStart }: Session): Promise<boolean> {
  const stat = await readText(files, `/proc/${pid}/stat`);
  if (stat === undefined) return (await files.stat('/proc/self')) === undefined;
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[STARTED_AT];
  return procStart === undefined || start === procStart;
}

const STARTED_AT = 19; // of the fields behind the name

async function readSession(files: Files, path: string): Promise<Session | undefined> {
  const text = await readText(files, path);
  if (text === undefined) return undefined;
  try {
    return Session.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // it is being written
  }
}

async function readText(files: Files, path: string): Promise<string | undefined> {
  try {
    const bytes = await files.read(path, MOST_BYTES);
    return bytes && Buffer.from(bytes).toString('utf8');
  } catch (error) {
    if (error instanceof NotARegularFile || error instanceof FileTooLarge) return undefined;
    throw error;
  }
}
