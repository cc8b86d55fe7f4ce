import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { RunEnd } from '../../ports.ts';

/* The small files by which a wrapper and its recovery agree about a run. The wrapper writes them (wrapper.ts). */

const identity = { pid: z.number().int().min(2), start: z.string().min(1), boot: z.string() };

const Owner = z.object({ ...identity, run: z.string().min(1) });
export type Owner = z.infer<typeof Owner>;
const Fence = z.object({ fenced: z.literal(true) });

const Agent = z.object(identity);
export type Agent = z.infer<typeof Agent>;

const Exit = z.object({ code: z.number().int().min(0).max(255) });
export type Exited = Extract<RunEnd, { kind: 'exited' }>;

/** Who decided over a run. `torn`: the file is there and says nothing, as after a power cut. */
export type Ownership =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'wrapper'; readonly owner: Owner }
  | { readonly kind: 'torn' };

export async function readOwner(dir: string): Promise<Ownership> {
  const text = await readText(join(dir, 'owner'));
  if (text === undefined) return { kind: 'nobody' };
  const found = parse(z.union([Owner, Fence]), text);
  if (found === undefined) return { kind: 'torn' };
  return 'fenced' in found ? { kind: 'fenced' } : { kind: 'wrapper', owner: found };
}

/** Makes `owner` say that nothing may start here any more. False when somebody was first. */
export async function fence(dir: string): Promise<boolean> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const temp = join(dir, `owner.${randomBytes(6).toString('hex')}`);
  await writeFile(temp, `${JSON.stringify({ fenced: true })}\n`, { flag: 'wx', mode: 0o600 });
  try {
    await link(temp, join(dir, 'owner'));
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(temp, { force: true });
  }
}

/** The wrapper leaves the second name of `owner` behind: removing it would cost it a process. */
export async function tidy(dir: string, owner: Owner): Promise<void> {
  await rm(join(dir, `owner.${owner.pid}`), { force: true });
}

/** Undefined as long as nothing was started, or for a record that is still being written. */
export async function readAgent(dir: string): Promise<Agent | undefined> {
  const text = await readText(join(dir, 'agent'));
  return text === undefined ? undefined : parse(Agent, text);
}

export async function readExit(dir: string): Promise<Exited | undefined> {
  const path = join(dir, 'exit');
  const text = await readText(path);
  const exit = text === undefined ? undefined : parse(Exit, text);
  if (exit === undefined) return undefined;
  const ended_at = await timeOf(path);
  const started_at = Math.min(await timeOf(join(dir, 'agent'), ended_at), ended_at);
  const signal = signalOf(exit.code);
  return { kind: 'exited', code: exit.code, ...(signal && { signal }), started_at, ended_at };
}

/** A shell reports a death by signal as 128 + its number; an agent that says so itself looks the same. */
function signalOf(code: number): string | undefined {
  if (code <= 128) return undefined;
  return Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
}

async function timeOf(path: string, otherwise = 0): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found ? Math.round(found.mtimeMs) : otherwise;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

function parse<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
