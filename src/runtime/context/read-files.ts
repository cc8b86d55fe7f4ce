import { join } from 'node:path';
import { realPath } from '../agents/real-path.ts';
import { readSame } from '../inbox/read-same.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { Clock, Files } from '../ports.ts';
import { quote } from '../taskfile/split.ts';
import type { Chosen, LeftOut } from './choose.ts';
import type { Found } from './locate.ts';

/*
 * F1. A file is read whole, as it was at one moment, from where its path led before and after; else all is refused.
 * F2. Text is sent and nothing else. What is not text is left out and said, or refused where it was named itself.
 * F3. The sum of what is sent has a bound; over it nothing is.
 */

export interface PackedFile {
  readonly path: string;
  /** Where it lies, behind links. */
  readonly real: string;
  readonly text: string;
  readonly bytes: number;
}

export interface ReadPorts {
  readonly files: Pick<Files, 'read' | 'readAt' | 'stat' | 'readLink'>;
  readonly clock: Pick<Clock, 'after'>;
}

export interface Bounds {
  readonly max_bytes: number;
  readonly max_files: number;
}

const HEAD = 8_000;
const TRIES = 3;
const PAUSE_MS = 200;
const SHOWN = 5;

export async function readFiles(
  ports: ReadPorts,
  folder: string,
  { files, left_out }: Chosen,
  bounds: Bounds,
): Promise<{ readonly files: readonly PackedFile[]; readonly left_out: readonly LeftOut[] } | Refusal> {
  if (files.length > bounds.max_files) return tooMuch(files, bounds);
  const texts = await onlyTexts(ports, folder, files);
  if (texts.reduce((sum, { stat }) => sum + stat.size, 0) > bounds.max_bytes) return tooMuch(texts, bounds); // F3
  const packed: PackedFile[] = [];
  for (const found of texts) {
    const bytes = await readWhole(ports, folder, found, bounds.max_bytes);
    if (isRefusal(bytes)) return bytes;
    const text = textOf(bytes);
    if (text !== undefined) packed.push({ path: found.path, real: found.real, text, bytes: bytes.length });
  }
  if (packed.reduce((sum, { bytes }) => sum + bytes, 0) > bounds.max_bytes) return overBounds(packed, bounds); // F3
  const sent = new Set(packed.map(({ path }) => path));
  const binary = files.filter(({ path }) => !sent.has(path)); // F2
  const named = binary.find(({ exactly }) => exactly);
  if (named) return notText(named.path);
  return { files: packed, left_out: [...left_out, ...binary.map(({ path }) => ({ path, why: 'is not text' }))] };
}

/** A look at their beginnings, so that pictures are not counted. */
async function onlyTexts({ files }: ReadPorts, folder: string, all: readonly Found[]): Promise<Found[]> {
  const texts: Found[] = [];
  for (const found of all) {
    const head = await files.readAt(join(folder, found.real), 0, HEAD).catch(() => undefined);
    if (head === undefined || !head.includes(0)) texts.push(found); // what can't be read is told of when it is
  }
  return texts;
}

/** F1 */
async function readWhole(ports: ReadPorts, folder: string, found: Found, limit: number): Promise<Uint8Array | Refusal> {
  let why = '';
  for (let n = 0; n < TRIES; n++) {
    if (n > 0) await new Promise<void>((resolve) => ports.clock.after(PAUSE_MS, resolve));
    const read = await readOnce(ports, folder, found, limit);
    if (typeof read !== 'string') return read;
    why = read;
  }
  const what = `include: ${quote(found.path)} ${why}; nothing was sent`;
  return refuse('invalid', what, 'try again when nobody writes it, or leave it out');
}

async function readOnce(ports: ReadPorts, folder: string, { path, real }: Found, limit: number) {
  const { files } = ports;
  const at = join(folder, real);
  try {
    const stat = await files.stat(at);
    if (stat?.kind !== 'file') return 'went away while it was read';
    const bytes = await readSame(files, at, stat, limit);
    if ((await realPath(files, join(folder, path))) !== at) return 'changed while it was read';
    return typeof bytes === 'string' ? `${bytes === 'gone' ? 'went away' : 'changed'} while it was read` : bytes;
  } catch (error) {
    return `can't be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function notText(path: string): Refusal {
  return refuse(
    'invalid',
    `include: ${quote(path)} is not text (it holds NUL bytes or is not UTF-8), and a provider is sent text only; nothing was sent`,
    'take it out of include, or name a text that says what is in it',
  );
}

export function tooMuch(all: readonly Pick<Found, 'path' | 'stat'>[], bounds: Bounds): Refusal {
  return overBounds(
    all.map(({ path, stat }) => ({ path, bytes: stat.size })),
    bounds,
  );
}

export function overBounds(all: readonly { path: string; bytes: number }[], { max_bytes, max_files }: Bounds): Refusal {
  const sum = all.reduce((total, { bytes }) => total + bytes, 0);
  const largest = [...all].sort((a, b) => b.bytes - a.bytes).slice(0, SHOWN);
  const shown = largest.map(({ path, bytes }) => `${path} (${figure(bytes)})`).join(', ');
  const asks = `${figure(all.length)} files of ${figure(sum)} bytes`;
  const allows = `delegation.include allows ${figure(max_files)} files of ${figure(max_bytes)} bytes`;
  return refuse(
    'invalid',
    `include: ${asks} together, and ${allows}; nothing was sent. The largest: ${shown}`,
    'name fewer files, leave some out with !path, or raise delegation.include.max_bytes or max_files',
  );
}

function figure(n: number): string {
  return n.toLocaleString('en');
}
