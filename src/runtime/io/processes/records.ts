import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { RunEnd } from '../../ports.ts';

/*
 * The small files by which a supervisor and a recovery agree about a run. The supervisor writes them (owner.ts,
 * supervise.ts, exit-record.ts), or the agent's own start does (own-start.ts).
 */

const identity = { pid: z.number().int().min(2), start: z.string().min(1), boot: z.string() };

const Owner = z.object({ ...identity, run: z.string().min(1), supervisor: z.string().min(1) });
export type Owner = z.infer<typeof Owner>;
/** Nobody supervises it: the process that made the record is the agent (own-start.ts). */
const Itself = z.object({ ...identity, run: z.string().min(1), itself: z.literal(true) });
export type Itself = z.infer<typeof Itself>;
const Fence = z.object({ fenced: z.literal(true) });

const Agent = z.object(identity);
export type Agent = z.infer<typeof Agent>;

const Exit = z.object({
  code: z.number().int().min(0).max(255),
  signal: z.string().exactOptional(),
  started_at: z.number(),
  ended_at: z.number(),
});
export type Exited = Extract<RunEnd, { kind: 'exited' }>;

/** Who decided over a run. `torn`: the file is there and says nothing, as after a power cut. */
export type Ownership =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'supervisor'; readonly owner: Owner }
  | { readonly kind: 'itself'; readonly owner: Itself }
  | { readonly kind: 'torn' };

export async function readOwner(dir: string): Promise<Ownership> {
  const text = await readText(join(dir, 'owner'));
  if (text === undefined) return { kind: 'nobody' };
  const found = parse(z.union([Owner, Itself, Fence]), text);
  if (found === undefined) return { kind: 'torn' };
  if ('fenced' in found) return { kind: 'fenced' };
  return 'itself' in found ? { kind: 'itself', owner: found } : { kind: 'supervisor', owner: found };
}

/** Undefined as long as nothing was started, or for a record that is still being written. */
export async function readAgent(dir: string): Promise<Agent | undefined> {
  const text = await readText(join(dir, 'agent'));
  return text === undefined ? undefined : parse(Agent, text);
}

export async function readExit(dir: string): Promise<Exited | undefined> {
  const text = await readText(join(dir, 'exit'));
  const exit = text === undefined ? undefined : parse(Exit, text);
  return exit && { kind: 'exited', ...exit };
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
