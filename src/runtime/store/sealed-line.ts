import { crc32 } from 'node:zlib';

/*
 * A line that proves it is whole: a JSON object whose last key is `sum`, the CRC-32 of the bytes before `,"sum":`.
 * Journal, snapshot and finished index are made of such lines.
 */

const SUM_KEY = ',"sum":"';
/** Bytes that sealing adds: the key, eight hex digits, `"}`. */
export const SEAL_BYTES = SUM_KEY.length + 8 + 2;

/** What follows an object's open text with this CRC-32: its last key, its end and the newline. */
export function sealing(sum: number): string {
  return `${SUM_KEY}${hex8(sum)}"}\n`;
}

/** One sealed line, newline included, of an object with at least one key. */
export function seal(value: object): Buffer {
  const text = openText(value);
  return Buffer.concat([text, Buffer.from(sealing(crc32(text)))]);
}

/** An object's JSON without its closing brace, so that keys can follow. */
export function openText(value: object): Buffer {
  return Buffer.from(JSON.stringify(value).slice(0, -1));
}

/** True when the line (without its newline) is what was sealed. */
export function isSealed(line: Uint8Array): boolean {
  const body = line.length - SEAL_BYTES;
  if (body < 2) return false;
  const seal = latin1(line, body, line.length);
  if (!seal.startsWith(SUM_KEY) || !seal.endsWith('"}')) return false;
  return seal.slice(SUM_KEY.length, -2) === hex8(crc32(line.subarray(0, body)));
}

/** The object in a sealed line, without its sum; undefined when the line is not whole. */
export function unseal(line: Uint8Array): Record<string, unknown> | undefined {
  if (!isSealed(line)) return undefined;
  return parseObject(`${utf8(line.subarray(0, line.length - SEAL_BYTES))}}`);
}

export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // not JSON: the caller treats it as damage
  }
  return undefined;
}

export function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

export function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', from, to);
}

function hex8(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}
