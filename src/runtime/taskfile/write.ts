/** A value as front matter holds it; undefined keys are left out. */
export type Entry = string | number | boolean | Decimal | readonly string[] | undefined;

/** A number with its digits as they are to be written: money keeps its zeros. */
export interface Decimal {
  readonly digits: string;
}

export function decimal(value: number | undefined, places: number): Decimal | undefined {
  return value === undefined ? undefined : { digits: value.toFixed(places) };
}

/** Lines of YAML between fences; what is written here is read back the same by `readHeader`. */
export function frontMatter(entries: Iterable<readonly [string, Entry]>): string {
  let lines = '';
  for (const [key, value] of entries) if (value !== undefined) lines += `${key}: ${write(value)}\n`;
  return `---\n${lines}---\n`;
}

function write(value: Exclude<Entry, undefined>): string {
  if (typeof value === 'object' && 'digits' in value) return value.digits;
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    return `[${value.map(writeText).join(', ')}]`;
  return typeof value === 'string' ? writeText(value) : String(value);
}

/** Plain where nobody could read it as something else, even a YAML that guesses types; else in double quotes on one line. */
const PLAIN = /^[A-Za-z][A-Za-z0-9_./@+-]*( [A-Za-z0-9_./@+-]+)*$/;
const GUESSED = /^(null|true|false|yes|no|on|off|y|n)$/i;

function writeText(text: string): string {
  if (PLAIN.test(text) && text.length < 200 && !GUESSED.test(text)) return text;
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, escapeChar);
}

function escapeChar(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
