import { type Refusal, refuse } from '../model/refusal.ts';

export interface Split {
  /** The YAML between the fences; absent where the file has no front matter. */
  readonly header?: string;
  readonly body: string;
}

const HINT =
  'Front matter is YAML between two lines of exactly three dashes at the top of the file; without it, everything is the body.';

/**
 * Finds the fences. This is stricter than gray-matter, which takes any line that starts with `---` for the end and whatever
 * stands behind the first dashes for the name of an engine (`---js`, `---constructor`).
 */
export function splitFrontMatter(text: string): Split | Refusal {
  if (!text.startsWith('---') || text[3] === '-') return { body: text };
  const opening = lineAt(text, 0);
  const language = opening.text.slice(3).trim();
  if (language !== '' && !/^ya?ml$/i.test(language)) return refuseLanguage(language);
  for (let at = opening.next; at < text.length; ) {
    const line = lineAt(text, at);
    if (/^---[ \t]*$/.test(line.text)) return { header: text.slice(opening.next, at), body: text.slice(line.next) };
    if (line.text.startsWith('---'))
      return refuse(
        'invalid',
        `front matter: a line starts with dashes but does not end it: ${quote(line.text)}`,
        HINT,
      );
    at = line.next;
  }
  return refuse('invalid', 'front matter: it is opened by "---" and never closed', HINT);
}

function lineAt(text: string, start: number): { text: string; next: number } {
  const feed = text.indexOf('\n', start);
  const end = feed === -1 ? text.length : feed;
  const line = text.slice(start, text[end - 1] === '\r' && end > start ? end - 1 : end);
  return { text: line, next: feed === -1 ? text.length : feed + 1 };
}

function refuseLanguage(language: string): Refusal {
  return refuse('invalid', `front matter: the language ${quote(language)} is not allowed, only YAML is`, HINT);
}

/** A value as a message can show it: bounded, control characters escaped. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  const short = text.length > 80 ? `${text.slice(0, 79)}…` : text;
  return Buffer.from(short.replace(/[\u007f-\u009f\u2028\u2029]/g, '\ufffd')).toString();
}
