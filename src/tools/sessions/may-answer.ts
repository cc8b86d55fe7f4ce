import type { Config } from '../../runtime/model/config.ts';
import { type Refusal, refuse } from '../../runtime/model/refusal.ts';
import type { SessionRequest } from '../../runtime/model/session.ts';
import type { Caller } from '../../runtime/yard.ts';

/*
 * Who may answer what an agent asks (an attempt never: see rights.ts).
 *
 * A1. A person at the command line may.
 * A2. `orchestrator_may_answer: false`: a client is told to ask its user before each call (`ASKS_A_PERSON`), so its call
 *     is its user's. A command line that an agent runs has no such user: it is refused.
 * A3. A list: answers of clients are their own, and only for what it names; everything else is a person's.
 * A4. What is not understood, not shown to its end, or could mean more than the pattern says, matches nothing.
 */

type Trust = Config['orchestrator_may_answer'];

/** Whether a client has to ask its user before it answers. */
export function asksAPerson(trust: Trust): boolean {
  return trust === false;
}

export function refuseAnswer(trust: Trust, caller: Caller, request: SessionRequest): Refusal | undefined {
  if (caller.principal !== 'owner') return personal('a request is never answered from inside a task', request);
  if (caller.person === true || trust === true) return undefined; // A1
  if (trust === false) {
    if (caller.person === undefined) return undefined; // A2
    return personal('this command line was started by an agent, and only a person may answer', request);
  }
  if (trust.some((pattern) => allows(pattern, request))) return undefined;
  return personal(`orchestrator_may_answer does not name ${request.tool} with this input`, request); // A3
}

function personal(why: string, { id, kind }: SessionRequest): Refusal {
  const command = kind === 'question' ? `yardmaster answer ${id}` : `yardmaster approve ${id} or yardmaster deny ${id}`;
  return refuse('not_allowed', `${why}; nothing was answered`, `a person answers in a terminal: ${command}`);
}

const PATTERN = /^([\w*.-]+)(?:\((.*)\))?$/s;

/** `Bash`, `mcp__github__*`, `Bash(git *)`, `Edit(src/**)`. */
function allows(pattern: string, { tool, subject }: SessionRequest): boolean {
  const [, name, spec] = PATTERN.exec(pattern.trim()) ?? [];
  if (name === undefined || !globOf(name, '.').test(tool)) return false;
  if (spec === undefined) return true;
  if (subject === undefined) return false; // A4
  if (tool === 'Bash') return !SHELL.test(subject) && globOf(spec, '.').test(subject);
  return !/(?:^|\/)\.\.(?:\/|$)/.test(subject) && globOf(spec, '[^/]').test(subject);
}

/** What could run something else than the words say: another command, a redirection, a substitution. */
const SHELL = /[;&|<>`\n\r\\]|\$[({]/;

/** `*` stands for what `one` allows, `**` for everything; the whole text has to match. */
function globOf(glob: string, one: string): RegExp {
  const source = glob
    .split(/(\*+)/)
    .map((part) =>
      part === ''
        ? ''
        : /^\*+$/.test(part)
          ? part.length > 1
            ? '.*'
            : `${one}*`
          : part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'),
    );
  return new RegExp(`^${source.join('')}$`, 's');
}
