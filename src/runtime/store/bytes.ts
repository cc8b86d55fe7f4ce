import type { Bytes } from '../model/event.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Readable in the journal where the bytes are text; base64 where they are not. Decoding gives the same bytes back. */
export function encodeBytes(bytes: Uint8Array): Bytes {
  try {
    return { text: strict.decode(bytes) };
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
}

export function decodeBytes(bytes: Bytes): Uint8Array {
  return 'text' in bytes ? Buffer.from(bytes.text, 'utf8') : Buffer.from(bytes.base64, 'base64');
}
