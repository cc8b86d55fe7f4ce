/* Text that an agent printed, made fit for files, models and terminals. What was printed stays as it is on disk. */

// Each alternative is linear, and a sequence without an end takes away no more than its line.
const ESCAPES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b\n]*(?:\u001b\\)?|[ -/]*[0-~])?/g;
const UNFINISHED = /^(?:\[[0-?]*[ -/]*|\][^\n]*|[PX^_][^\n]*|[ -/]*)$/; // what follows an ESC at the end of a piece
const CONTROLS = /[^\P{Cc}\n\t]/gu;

const ESC = 0x1b;
const BELL = 0x07;
const LONGEST_ESCAPE = 256; // what is longer is no colour or title, and is not waited for

/** Decodes and strips escape sequences and control characters; invalid bytes become U+FFFD. */
export function cleanText(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8').decode(bytes);
  return text.replace(ESCAPES, '').replace(/\r\n?/g, '\n').replace(CONTROLS, '');
}

/** The bytes up to the last whole character. A cut may have gone through one; bytes that are no UTF-8 at all stay. */
export function wholeEnd(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    return lengthOf(byte) > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

/** The bytes from the first whole character on. */
export function wholeStart(bytes: Uint8Array): Uint8Array {
  let skip = 0;
  while (skip < 3 && isContinuation(bytes[skip] ?? 0)) skip++;
  return bytes.subarray(skip);
}

/** The bytes without an escape sequence that has begun at their end and not ended. */
export function wholeEscapes(bytes: Uint8Array): Uint8Array {
  const at = bytes.lastIndexOf(ESC);
  if (at === -1 || bytes.length - at > LONGEST_ESCAPE) return bytes;
  const rest = bytes.subarray(at + 1);
  const isOpen = !rest.includes(BELL) && UNFINISHED.test(String.fromCharCode(...rest));
  return isOpen ? bytes.subarray(0, at) : bytes;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function lengthOf(lead: number): number {
  if (lead >= 0xf0 && lead < 0xf8) return 4;
  if (lead >= 0xe0) return lead < 0xf0 ? 3 : 1;
  return lead >= 0xc0 ? 2 : 1;
}
