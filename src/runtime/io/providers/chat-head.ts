import type { ErrorClass } from '../../model/spec.ts';
import type { Submitted } from '../../ports.ts';
import { quote } from './answers.ts';
import { type Complaint, complaintIn, knownTrouble } from './chat-trouble.ts';
import { waitOf } from './chat-wait.ts';
import type { Opened } from './open-exchange.ts';

/*
 * A request that did not lead to an answer. Nothing of it goes on upstream: a completion lives as long as its connection,
 * so that each of these may be tried again, and only what it cost is lost.
 */

export interface AskedOf {
  readonly provider: string;
  readonly model: string;
  readonly key: string | undefined;
}

type NotOpen = Exclude<Opened, { kind: 'open' }>;

export function judgeRefusal(opened: NotOpen, asked: AskedOf): Submitted {
  if (opened.kind === 'answer') return judgeStatus(opened, asked);
  const reason = quote(opened.reason, asked.key);
  if (!opened.sent) return { kind: 'later', reason };
  switch (opened.why) {
    case 'time':
      return { kind: 'refused', class: 'timeout', reason: quote(`${asked.model}: ${opened.reason}`, asked.key) };
    case 'called_off':
      return { kind: 'refused', class: 'stopped', reason };
    case 'connection':
      return { kind: 'refused', class: 'crash', reason: `the connection broke before the answer: ${reason}` };
  }
}

function judgeStatus(answer: NotOpen & { kind: 'answer' }, asked: AskedOf): Submitted {
  const { status, body } = answer;
  const complaint = complaintIn(body, status);
  const said = quote(`HTTP ${status} ${complaint.message}`, asked.key);
  const error_class = classOf(status, complaint);
  if (error_class === 'later') {
    const busy = BUSY.has(status) && { busy: true as const };
    return { kind: 'later', reason: said, ...waitOf(answer, Date.now()), ...busy };
  }
  return { kind: 'refused', class: error_class, reason: `${said}${adviceFor(error_class, status, asked)}` };
}

/** Too much to do, and well otherwise. */
const BUSY: ReadonlySet<number> = new Set([429, 498, 529]);
/** Those, loading a model or (408, 425) never heard to the end. */
const LATER: ReadonlySet<number> = new Set([...BUSY, 408, 425, 503]);

function classOf(status: number, complaint: Complaint): ErrorClass | 'later' {
  const known = knownTrouble(complaint);
  // A limit of requests is often told in words of plans and models: only money is believed before the status.
  if (LATER.has(status)) return known === 'billing' ? 'billing' : 'later';
  if (status === 401) return 'auth';
  if (status === 402) return 'billing';
  if (status === 413) return 'context_overflow';
  if (status === 403) return known === 'billing' || known === 'invalid' ? known : 'auth';
  if (known !== undefined && (status < 500 || known === 'context_overflow')) return known;
  return status >= 500 ? 'crash' : 'upstream';
}

function adviceFor(error_class: ErrorClass, status: number, { provider, model, key }: AskedOf): string {
  const settings = `delegation.providers.${provider}`;
  if (error_class === 'invalid')
    return ` (asked for ${quote(model, key)}: see ${settings}.model and .models, and the task's own model)`;
  if (status >= 300 && status < 400) return ` (redirects are not followed: mend ${settings}.base_url)`;
  if (status === 404 || status === 405)
    return ` (is ${settings}.base_url right? It ends with the version, such as /v1)`;
  return '';
}
