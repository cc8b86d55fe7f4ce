import { plainLine } from '../model/plain-text.ts';
import type { PostEnd } from '../ports.ts';

/** What one try came to. */
export type Told =
  | { readonly kind: 'taken'; readonly detail: string }
  /** Whoever answers may say otherwise later. `silent`: nobody answered, so the host's others need not ask now. */
  | { readonly kind: 'again'; readonly reason: string; readonly retry_after_ms?: number; readonly silent?: true }
  /** It will hardly be taken by asking once more: tried a few times, since receivers are mended too. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The receiver says that it is gone for good. */
  | { readonly kind: 'gone'; readonly reason: string }
  /** Our own configuration stands in the way; a change of it is a reason to try at once. */
  | { readonly kind: 'held'; readonly reason: string }
  /** Its task can't be read now; nothing was tried. */
  | { readonly kind: 'absent'; readonly reason: string };

const GONE = 410;
const PASSES: ReadonlySet<number> = new Set([408, 425, 429]);
const MAX_LOCATION = 200;

export function verdictOn(end: PostEnd): Told {
  switch (end.kind) {
    case 'broken':
      return { kind: 'again', reason: plainLine(end.reason), silent: true };
    case 'forbidden':
      return { kind: 'held', reason: end.reason };
    case 'answer':
      return onAnswer(end);
  }
}

function onAnswer({ status, retry_after_ms, location }: Extract<PostEnd, { kind: 'answer' }>): Told {
  const reason = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { kind: 'taken', detail: reason };
  if (status === GONE) return { kind: 'gone', reason };
  if (status >= 300 && status < 400) {
    const to = location === undefined ? '' : ` (to ${plainLine(location).slice(0, MAX_LOCATION)})`;
    return { kind: 'refused', reason: `${reason}: redirects are not followed${to}` };
  }
  if (status >= 400 && status < 500 && !PASSES.has(status)) return { kind: 'refused', reason };
  return { kind: 'again', reason, ...(retry_after_ms !== undefined && { retry_after_ms }) };
}
