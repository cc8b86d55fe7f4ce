import type { AgentFailure, HeardReport, LiveState, ScreenReading } from '../agents/agent.ts';
import type { BlockedOn } from '../model/session.ts';
import { closeRequests, type OpenRequest, openRequest } from './session-requests.ts';

/*
 * What an agent in a session does, from what it has told and what else can be seen of it.
 *
 * E1. Only reports of the attempt's own conversation count. Where the agent names it itself, that is the one in which the
 *     attempt's prompt was submitted.
 * E2. What has been told is a fold over reports in the order of their names: when they came makes no difference, and one
 *     that comes twice is folded once (sessions/spool.ts gives them so).
 * E3. A turn that ends is the attempt's when its prompt is: the one that carries our nonce, or any that came after it.
 *     What ends before, or under a prompt that nobody has heard of, ends nothing.
 * E4. The attempt is over when such a turn ends with no work left in the background. Where a prompt was submitted while
 *     the agent was busy another turn may follow, so it has to be seen idle as well.
 * E5. What is over stays as it ended, whatever is told later; but a turn that a hook of the person's own has kept from
 *     ending goes on without a prompt, and an agent that is busy is not through with such hooks.
 * E6. No hook fires when a person presses Escape or refuses a tool: an agent that says of itself that it is idle, and has
 *     told of no end, was interrupted; unless it says that its turn has failed. An agent may also tell of it.
 */

/** By what an attempt knows its own. */
export interface Own {
  readonly conversation: string;
  /** It stands in the attempt's first prompt. */
  readonly nonce: string;
  /** The agent names it itself, and `conversation` is not yet what it is called. */
  readonly unnamed?: true;
}

export type TurnEnd =
  | { readonly kind: 'done'; readonly message: string }
  | { readonly kind: 'failed'; readonly failure: AgentFailure };

interface Stop {
  readonly message: string;
  readonly background: number;
  readonly at: number;
}

/** The fold over the reports of one attempt. */
export interface Told {
  /** The name of the newest report. */
  readonly report: string;
  /** The newest sign of life. */
  readonly at: number;
  /** The newest that it did itself: a mere notification tells nothing of its turn. */
  readonly active_at: number;
  readonly transcript?: string;
  /** What the agent calls the attempt's conversation. */
  readonly conversation?: string;
  /** Our prompt was taken in. */
  readonly confirmed_at?: number;
  readonly prompts: readonly string[];
  /** `background`: the turn has ended, what it has started goes on. `paused`: it has ended, and another may follow. */
  readonly turn: 'none' | 'open' | 'background' | 'paused';
  readonly background: number;
  /** A prompt came while a turn was open. */
  readonly queued: boolean;
  readonly stop?: Stop;
  /** Ends whose prompt was not heard of. */
  readonly strange: Readonly<Record<string, Stop>>;
  readonly tool?: string;
  readonly requests: readonly OpenRequest[];
  readonly dialog?: { readonly what: string; readonly at: number };
  readonly interrupted_at?: number;
  /** What went wrong before our prompt was confirmed. */
  readonly failed_early?: AgentFailure;
  readonly left?: { readonly reason: string; readonly at: number };
  /** `final`: a prompt came behind it, and what is told since is of another turn. */
  readonly over?: { readonly end: TurnEnd; readonly at: number; readonly final?: true };
}

export const NOTHING_TOLD: Told = {
  report: '',
  at: 0,
  active_at: 0,
  prompts: [],
  turn: 'none',
  background: 0,
  queued: false,
  strange: {},
  requests: [],
};

const MAX_STRANGE = 16;

export function hear(before: Told, report: HeardReport, own: Own): Told {
  if (!isOwn(before, report, own)) return before; // E1
  const { heard, at, conversation } = report;
  const told = before.over ? afterEnd(before, heard) : before;
  if (told.over) return told; // E5
  const now: Told = {
    ...told,
    conversation,
    report: report.report,
    at: Math.max(told.at, at),
    active_at: heard.kind === 'other' ? told.active_at : Math.max(told.active_at, at),
    ...(report.transcript !== undefined && { transcript: report.transcript }),
  };
  switch (heard.kind) {
    case 'ready':
      return without(now, 'left');
    case 'prompt':
      return prompted(now, heard, at, own);
    case 'tool_begins':
      return active({ ...without(now, 'dialog'), tool: heard.tool });
    case 'tool_ended':
      return active({ ...without(now, 'tool', 'dialog'), requests: closeRequests(now.requests, heard) });
    case 'asks':
      return active({ ...without(now, 'dialog'), requests: openRequest(now.requests, report.report, at, heard) });
    case 'dialog':
      return now.requests.length > 0 ? now : { ...now, dialog: { what: heard.what, at } }; // of a request it says nothing new
    case 'turn_ended':
      return ended(now, { ...heard, at });
    case 'turn_failed':
      return failed(now, heard.failure, at);
    case 'interrupted':
      return now.turn === 'none' ? now : { ...without(now, 'tool', 'dialog'), requests: [], interrupted_at: at };
    case 'left':
      return { ...without(now, 'dialog', 'tool'), requests: [], left: { reason: heard.reason, at } };
    case 'other':
      return now;
  }
}

/** E1 */
function isOwn(told: Told, { conversation, heard }: HeardReport, own: Own): boolean {
  if (told.conversation !== undefined) return conversation === told.conversation;
  if (own.unnamed) return heard.kind === 'prompt' && heard.prompt.includes(own.nonce);
  return conversation === own.conversation;
}

/** E5 */
function afterEnd(told: Told, heard: HeardReport['heard']): Told {
  const { kind } = heard;
  const { over, ...rest } = told;
  if (!over || over.final || over.end.kind === 'failed') return told;
  if (kind === 'prompt' || kind === 'left') return { ...rest, over: { ...over, final: true } };
  const isSame = kind !== 'turn_ended' || heard.prompt_id === undefined || told.prompts.includes(heard.prompt_id);
  const goesOn =
    kind === 'tool_begins' || kind === 'asks' || kind === 'turn_failed' || (kind === 'turn_ended' && isSame);
  return goesOn ? { ...rest, turn: 'open' } : told;
}

/** E3 */
function prompted(told: Told, prompt: { prompt: string; prompt_id?: string }, at: number, own: Own): Told {
  if (told.confirmed_at === undefined && !prompt.prompt.includes(own.nonce)) return told;
  const { prompt_id } = prompt;
  const queued = told.queued || told.turn === 'open';
  const taken: Told = {
    ...without(told, 'dialog', 'stop', 'left', 'interrupted_at'),
    ...{ confirmed_at: told.confirmed_at ?? at, turn: 'open', background: 0, queued },
    prompts: prompt_id === undefined || told.prompts.includes(prompt_id) ? told.prompts : [...told.prompts, prompt_id],
  };
  const stop = prompt_id === undefined ? undefined : told.strange[prompt_id];
  return stop ? stopped(taken, stop) : taken; // its end was told before it
}

function ended(told: Told, end: Stop & { prompt_id?: string }): Told {
  const { prompt_id, message, background, at } = end;
  const stop = { message, background, at };
  // A prompt that was submitted while the agent was busy may be worked on under an id that nobody has told.
  const known = prompt_id === undefined || told.queued || told.prompts.includes(prompt_id);
  const isOurs = told.confirmed_at !== undefined && known;
  if (isOurs) return stopped(told, stop);
  return prompt_id === undefined ? told : { ...told, strange: remembered(told.strange, prompt_id, stop) };
}

/** E4 */
function stopped(told: Told, stop: Stop): Told {
  const rest = without(told, 'dialog', 'tool', 'interrupted_at');
  // What works on in the background may ask, and goes on waiting for its answer.
  if (stop.background > 0) return { ...rest, turn: 'background', background: stop.background };
  const quiet: Told = { ...rest, requests: [] };
  if (told.queued) return { ...quiet, turn: 'paused', background: 0, stop };
  return { ...quiet, turn: 'none', over: { end: { kind: 'done', message: stop.message }, at: stop.at } };
}

function failed(told: Told, failure: AgentFailure, at: number): Told {
  if (told.confirmed_at === undefined) return { ...told, failed_early: failure }; // E3
  return { ...told, turn: 'none', requests: [], over: { end: { kind: 'failed', failure }, at } };
}

/** Whatever it does is part of a turn of this conversation. */
function active(before: Told): Told {
  const told = without(before, 'left', 'interrupted_at');
  return told.turn === 'paused' ? { ...without(told, 'stop'), turn: 'open' } : told;
}

function remembered(strange: Told['strange'], id: string, stop: Stop): Told['strange'] {
  return Object.fromEntries([...Object.entries({ ...strange, [id]: stop })].slice(-MAX_STRANGE));
}

function without<K extends 'left' | 'dialog' | 'tool' | 'stop' | 'interrupted_at'>(told: Told, ...keys: K[]): Told {
  const rest = { ...told };
  for (const key of keys) delete rest[key];
  return rest;
}

/** What can be seen beside the reports, now. */
export interface Seen {
  readonly now: number;
  /** `unknown`: a look that failed proves nothing. */
  readonly process: 'alive' | 'dead' | 'unknown';
  readonly live?: LiveState;
  /** When it last said of itself that it waits. */
  readonly waited_at?: number;
  readonly screen?: { readonly reading: ScreenReading; readonly at: number };
  /** Our prompt stands in the transcript. */
  readonly in_transcript?: boolean;
  /** Reports of requests that have got their answer, and when the newest of them did. */
  readonly answered: ReadonlySet<string>;
  readonly answered_at?: number;
}

export type SessionPhase =
  | { readonly kind: 'starting' }
  | { readonly kind: 'working'; readonly tool?: string; readonly background: number }
  | {
      readonly kind: 'blocked';
      readonly on: BlockedOn;
      readonly detail: string;
      readonly since: number;
      readonly requests: readonly OpenRequest[];
    }
  | { readonly kind: 'over'; readonly end: TurnEnd }
  /** Its process has ended, and the work has not. */
  | { readonly kind: 'gone' };

export interface Reading {
  readonly phase: SessionPhase;
  readonly evidence: { readonly from: string; readonly at: number };
  /** Time alone may change it, then. */
  readonly again_at?: number;
  /** Requests that are answered, though no report says so. */
  readonly answered: readonly string[];
}

/** How long what an agent says of itself has to stand: its state and its reports are written side by side. */
export const SETTLE_MS = 2_000;
/** So long a hook at the end of a turn may run: the longest that agents allow it by themselves. */
const HOOKS_MS = 600_000;
const SLACK_MS = 1_000;
const INTERRUPTED = 'it was interrupted and waits for the next word';
/** How long an agent that leaves its conversation may take to end. */
const LEFT_MS = 4_000;

export function phaseOf(told: Told, seen: Seen): Reading {
  const answered = told.requests.filter((request) => isAnswered(request, seen)).map(({ report }) => report);
  const open = told.requests.filter(({ report }) => !seen.answered.has(report) && !answered.includes(report));
  const reading = read(told, seen, open);
  const again_at = Math.min(reading.again_at ?? Number.POSITIVE_INFINITY, ...open.map((one) => doubtful(one, seen)));
  return { answered, ...reading, ...(Number.isFinite(again_at) && { again_at }) };
}

type Read = Omit<Reading, 'answered'>;

function read(told: Told, seen: Seen, open: readonly OpenRequest[]): Read {
  if (told.over) return ending(told.over, seen);
  const pause = told.stop && afterPause(told.stop, seen);
  if (pause) return pause;
  if (seen.process === 'dead') return { phase: { kind: 'gone' }, evidence: { from: 'process', at: seen.now } };
  const [first] = open;
  if (first) return hook(asking(first, open), first.asked_at);
  const confirmed = told.confirmed_at !== undefined || seen.in_transcript === true;
  return confirmed ? atWork(told, seen) : beforeWork(told, seen);
}

/** E5: it says that it is idle when the hooks at the end of its turn are through. */
function ending({ end, at, final }: NonNullable<Told['over']>, { live, now, process }: Seen): Read {
  const inHooks = end.kind === 'done' && !final && live?.status === 'busy' && process !== 'dead';
  if (!inHooks || now - at >= HOOKS_MS) return hook({ kind: 'over', end }, at);
  const again_at = at + (now - at < SETTLE_MS ? SETTLE_MS : HOOKS_MS);
  return { ...hook({ kind: 'working', background: 0 }, at), again_at };
}

/** E4: a turn has ended, and a prompt that was submitted meanwhile may begin another. */
function afterPause(stop: Stop, { live, now, process }: Seen): Read | undefined {
  const settled = now - stop.at >= SETTLE_MS;
  const done = hook({ kind: 'over', end: { kind: 'done', message: stop.message } }, stop.at);
  if (process === 'dead') return done;
  if (live?.status === 'idle' && settled) return done; // between two turns it is idle for a moment
  if ((live === undefined || live.status === 'unknown') && settled) return done;
  const waits = hook({ kind: 'working', background: 0 }, stop.at);
  return settled ? waits : { ...waits, again_at: stop.at + SETTLE_MS };
}

function asking(first: OpenRequest, requests: readonly OpenRequest[]): SessionPhase {
  const more = requests.length > 1 ? `, and ${requests.length - 1} more` : '';
  const detail = first.kind === 'question' ? 'it has a question' : `it asks for permission to use ${first.tool}`;
  return { kind: 'blocked', on: first.kind, detail: `${detail}${more}`, since: first.asked_at, requests };
}

function atWork(told: Told, seen: Seen): Read {
  const { live, now } = seen;
  const fresh = live && live.at + SLACK_MS >= told.active_at ? live : undefined; // older than a report: it says nothing new
  const working: SessionPhase = {
    kind: 'working',
    background: told.background,
    ...(told.tool !== undefined && { tool: told.tool }),
  };
  const ending = told.left ? told.left.at + LEFT_MS : 0; // most who leave are about to end, and then their process tells
  if (told.left && now < ending) return { ...hook(working, told.at), again_at: ending };
  if (told.left)
    return hook(blocked('interrupted', `its conversation was left (${told.left.reason})`, told.left.at), told.left.at);
  if (told.dialog && !(fresh && fresh.status !== 'waiting' && fresh.at - told.dialog.at >= SETTLE_MS))
    return hook(blocked('dialog', told.dialog.what, told.dialog.at), told.dialog.at);
  if (told.interrupted_at !== undefined)
    return hook(blocked('interrupted', INTERRUPTED, told.interrupted_at), told.interrupted_at);
  if (!fresh || fresh.status === 'busy' || fresh.status === 'unknown') return hook(working, told.at);
  const stands = Math.max(fresh.at, seen.answered_at ?? 0) + SETTLE_MS;
  if (now < stands) return { ...hook(working, told.at), again_at: stands };
  if (fresh.status === 'waiting')
    return state(blocked('dialog', `it waits: ${fresh.waiting_for ?? 'for an answer'}`, fresh.at), fresh.at);
  if (fresh.failed) return state({ kind: 'over', end: { kind: 'failed', failure: fresh.failed } }, fresh.at);
  if (told.turn === 'background') return hook(working, told.at);
  return state(blocked('interrupted', INTERRUPTED, fresh.at), fresh.at); // E6
}

function beforeWork(told: Told, { screen, live }: Seen): Read {
  if (told.dialog) return hook(blocked('dialog', told.dialog.what, told.dialog.at), told.dialog.at);
  if (screen?.reading.kind === 'dialog' && screen.at >= told.active_at) {
    const on = screen.reading.blocked === 'login' ? 'login' : 'dialog';
    return { phase: blocked(on, screen.reading.what, screen.at), evidence: { from: 'screen', at: screen.at } };
  }
  if (live?.status === 'waiting' && live.at >= told.active_at)
    return state(blocked('dialog', `it waits: ${live.waiting_for ?? 'for an answer'}`, live.at), live.at);
  return hook({ kind: 'starting' }, told.at);
}

function blocked(on: BlockedOn, detail: string, since: number): SessionPhase {
  return { kind: 'blocked', on, detail, since, requests: [] };
}

/** It waited when it asked; an agent that does not wait any more has got its answer at the terminal. */
function isAnswered({ asked_at, report }: OpenRequest, { live, waited_at, answered, now }: Seen): boolean {
  if (answered.has(report) || !live || live.status === 'waiting' || live.status === 'unknown') return false;
  const hadWaited = waited_at !== undefined && waited_at >= asked_at && live.at >= waited_at;
  return hadWaited || live.at - asked_at >= SETTLE_MS || doubtful({ asked_at }, { live }) <= now;
}

/** Whoever is quick at the terminal is never seen to wait: then what the agent says of itself has to stand for a while. */
function doubtful({ asked_at }: Pick<OpenRequest, 'asked_at'>, { live }: Pick<Seen, 'live'>): number {
  const isOver = live !== undefined && live.at > asked_at && (live.status === 'idle' || live.status === 'busy');
  return isOver ? live.at + SETTLE_MS : Number.POSITIVE_INFINITY;
}

function hook(phase: SessionPhase, at: number): Read {
  return { phase, evidence: { from: 'hooks', at } };
}

function state(phase: SessionPhase, at: number): Read {
  return { phase, evidence: { from: "the agent's own state", at } };
}
