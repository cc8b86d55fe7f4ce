/*
 * THE SCRIPT IS IN THE PROMPT. Text outside markers is ignored. Steps are played in their order:
 *
 *   [[say:TEXT]]               an answer; the last one is the result of the turn
 *   [[prompt]]                 says the prompt as it arrived    [[echo]]  says what the newest tool answered
 *   [[sleep:MS]]               the model thinks
 *   [[write:FILE:TEXT]]        appends TEXT as a line, in one write (tool Write)
 *   [[bash:COMMAND]]           tool Bash                        [[ask-permission:COMMAND]]  one that has to be allowed
 *   [[question:TEXT|A|B]]      asks (tool AskUserQuestion)
 *   [[background:MS:TEXT]]     a command in the background; when it ends, another turn says TEXT (default: Done.)
 *   [[json:{…}]]               the structured result that --json-schema asks for; ends the turn (-p only)
 *   [[usage:TOKENS]]           so many more tokens are read from here on
 *   [[window:CLAIM:PERCENT:SECONDS]]  the service says how full a window of the account is, and when it ends (-p only)
 *   [[limit:CLAIM:SECONDS]]    a usage limit (five_hour, seven_day) that ends in SECONDS
 *   [[error:STATUS]]           429, 500, 529, 401, 402, 403, 400, 404, 413, toolong, dropped; [[error:529x3]]: three turns end so
 *   [[stop:REASON]]            the answer breaks off (max_tokens, refusal), and the next one too; [[stop:REASON:once]]
 *   [[exit:N]]                 ends at once, without a word     [[crash]]  dies of SIGKILL
 *   [[hang]]                   never answers                    [[silent]] the same, and the screen stands still
 *   [[stubborn]]               from here on it ignores SIGHUP and SIGTERM
 *
 * What has been done is written in the transcript, and a prompt without markers of its own (or with the same ones) goes
 * on with the steps that are left, as a model would that sees its history. `hang` and `silent` are never done. A `write`
 * whose outcome is unknown is looked for in its file first; a `bash` whose outcome is unknown is run again. Resumed and
 * asked for what is all done, it says its last word again.
 */

const NAMES =
  /^(say|prompt|echo|sleep|usage|json|write|bash|ask-permission|question|background|window|limit|error|stop|exit|crash|hang|silent|stubborn)(?::([\s\S]*))?$/;

/** Steps that use a tool: each is an answer of its own with `stop_reason: tool_use`. */
export const TOOLS = new Set(['json', 'write', 'bash', 'ask-permission', 'question', 'background']);

export function stepsOf(text) {
  const steps = [];
  for (let at = text.indexOf('[['); at >= 0; at = text.indexOf('[[', at)) {
    const end = closing(text, at + 2);
    if (end < 0) break;
    const [, name, rest] = NAMES.exec(text.slice(at + 2, end)) ?? [];
    if (name !== undefined) steps.push({ name, rest: rest ?? '' });
    at = name === undefined ? at + 2 : end + 2;
  }
  return steps;
}

/** Where the marker that began before `from` closes; markers may hold balanced pairs. */
function closing(text, from) {
  for (let at = from, depth = 1; at < text.length; at++) {
    if (text.startsWith('[[', at)) {
      depth++;
      at++;
    } else if (text.startsWith(']]', at) && !(depth === 1 && text[at + 2] === ']')) {
      if (--depth === 0) return at;
      at++;
    }
  }
  return -1;
}

/** One prompt's steps, and which of them are done. */
export class Script {
  constructor(id, prompt) {
    this.id = id;
    this.prompt = prompt;
    this.steps = stepsOf(prompt);
    this.counts = new Map();
  }

  /** The steps that are left, with their numbers. */
  left() {
    return this.steps
      .map((step, number) => ({ ...step, number, script: this }))
      .filter((step) => (this.counts.get(step.number) ?? 0) < timesOf(step));
  }

  did(number) {
    this.counts.set(number, (this.counts.get(number) ?? 0) + 1);
  }

  isLike(prompt) {
    return JSON.stringify(stepsOf(prompt)) === JSON.stringify(this.steps);
  }
}

function timesOf({ name, rest }) {
  if (name === 'hang' || name === 'silent') return Number.POSITIVE_INFINITY;
  return name === 'error' ? Number(/^\w+?x(\d+)/.exec(rest)?.[1] ?? 1) : 1;
}

/** The script that this prompt plays: its own, or the newest that is not at its end. */
export function scriptFor(scripts, id, prompt) {
  const open = scripts.findLast((script) => script.left().length > 0);
  const fresh = new Script(id, prompt);
  if (open && (fresh.steps.length === 0 || open.isLike(prompt))) return open;
  scripts.push(fresh);
  return fresh;
}
