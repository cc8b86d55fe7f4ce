import type { HeardReport, ScreenReading } from '../agents/agent.ts';
import { plainLine } from '../model/plain-text.ts';
import { isRefusal, type Refusal } from '../model/refusal.ts';
import type { SessionRequest } from '../model/session.ts';
import type { Clock, Files } from '../ports.ts';
import type { Key, Tmux } from '../terminals.ts';
import { boxState, pause, readScreen, screenUntil } from './box.ts';
import * as closed from './closed.ts';
import { whileHeld } from './hold.ts';
import type { PaneAgent } from './pane-agent.ts';
import { squeezed, type Wording } from './wording.ts';

/*
 * The one gate before everything that is written into a pane.
 *
 * G1. What is not certain is closed: nothing is typed but into an empty box that was seen, with nothing open and no tool about to ask.
 * G2. Enter is pressed only while exactly our text stands in the box, and a second time only while it still does.
 * G3. While it types, the agent begins no tool (hold.ts), and nothing else is typed into the same pane.
 * G4. What is taken out of the box again is ours and nothing else.
 * G5. `delivered` is what the agent itself has reported; what may have been is `unconfirmed` and never typed again.
 * tmux itself checks, at each key, that the pane is ours, runs the process that was meant, and is in no mode.
 */

export interface GuardPorts {
  readonly tmux: Pick<Tmux, 'read' | 'paste' | 'press'>;
  readonly files: Pick<Files, 'replace' | 'remove'>;
  readonly clock: Clock;
  readonly requests: { openIn(run_dir: string): readonly SessionRequest[] };
}

export type Typed =
  | { readonly verdict: 'delivered' }
  | { readonly verdict: 'unconfirmed'; readonly detail: string }
  | Refusal;

/** A tool that began before the hold has shown its dialog by then. */
const SETTLE_MS = 500;
const CLEAR_MS = 500;
const SHOWN_MS = 2_500;
const ENTER_AGAIN_MS = 900;
const CONFIRM_MS = 2_500;
const REPORT_LATE_MS = 100;
const GONE_MS = 400;
const MOST_LINES_TAKEN_OUT = 12;

export class Guard {
  readonly #ports: GuardPorts;
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(ports: GuardPorts) {
    this.#ports = ports;
  }

  /** Pastes the text into the agent's box and submits it. */
  async type(agent: PaneAgent, wording: Wording): Promise<Typed> {
    return this.#inTurn(agent, async () => {
      const shut = await this.#settled(agent);
      if (shut !== undefined) return shut;
      const reading = await this.#clear(agent);
      if (isRefusal(reading)) return reading;
      return this.#fill(agent, wording);
    });
  }

  /** Presses one key under the same gate: at a screen that is as wanted, with no dialog in its way. */
  async press(
    agent: PaneAgent,
    key: Key,
    wanted: (reading: ScreenReading) => Refusal | undefined,
    besides: 'nothing_open' | 'open_request' = 'nothing_open',
  ): Promise<'done' | { readonly verdict: 'unconfirmed'; readonly detail: string } | Refusal> {
    return this.#inTurn(agent, async () => {
      const shut = besides === 'nothing_open' ? await this.#settled(agent) : undefined;
      if (shut !== undefined) return shut;
      const reading = await readScreen(this.#ports.tmux, agent);
      const against = isRefusal(reading) ? reading : wanted(reading);
      if (against !== undefined) return against;
      const pressed = await this.#ports.tmux.press(agent.target, key);
      if (pressed === 'done' || isRefusal(pressed)) return pressed;
      return { verdict: 'unconfirmed', detail: pressed.reason };
    });
  }

  /** G3 */
  #inTurn<T>(agent: PaneAgent, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(agent.target.pane) ?? Promise.resolve();
    const mine = before.then(() => whileHeld(this.#ports, agent.run_dir, act));
    const done = mine
      .catch(() => {})
      .finally(() => {
        if (this.#turns.get(agent.target.pane) === done) this.#turns.delete(agent.target.pane);
      });
    this.#turns.set(agent.target.pane, done);
    return mine;
  }

  /** G1: what the agent has told, after everything that was under way has had its time to tell. */
  async #settled(agent: PaneAgent): Promise<Refusal | undefined> {
    const early = this.#shut(agent);
    if (early !== undefined) return early;
    if (agent.doing().kind !== 'idle') await pause(this.#ports.clock, SETTLE_MS);
    await agent.look();
    const live = await agent.live();
    if (live?.status === 'waiting' && live.conversation === agent.conversation) {
      return closed.waiting(agent, live.waiting_for);
    }
    return this.#shut(agent);
  }

  #shut(agent: PaneAgent): Refusal | undefined {
    const [request] = this.#ports.requests.openIn(agent.run_dir);
    return request === undefined ? closed.by(agent, this.#ports.clock.now()) : closed.asks(agent, request);
  }

  /** G1: an empty box, clearly seen. A screen that is just being painted is looked at again. */
  async #clear(agent: PaneAgent): Promise<Refusal | undefined> {
    const known = ({ kind }: ScreenReading) => kind !== 'unknown';
    const reading = await screenUntil(this.#ports, agent, known, CLEAR_MS);
    if (isRefusal(reading)) return reading;
    return closed.onScreen(agent, reading);
  }

  async #fill(agent: PaneAgent, wording: Wording): Promise<Typed> {
    for (const [index, piece] of wording.pieces.entries()) {
      const pasted = await this.#ports.tmux.paste(agent.target, piece);
      if (isRefusal(pasted)) return index === 0 ? pasted : this.#giveUp(agent, wording, index, pasted.message);
      // A paste that may have been is looked at like one that was.
      const ours = (reading: ScreenReading) => boxState(reading, wording, index + 1) === 'ours';
      const over = (reading: ScreenReading) => ours(reading) || reading.kind === 'dialog';
      const reading = await screenUntil(this.#ports, agent, over, SHOWN_MS);
      if (isRefusal(reading)) return closed.unseen(agent, reading.message);
      if (!ours(reading)) return this.#giveUp(agent, wording, index + 1, 'it was not shown there as it is');
    }
    return this.#submit(agent, wording);
  }

  /** G2 */
  async #submit(agent: PaneAgent, wording: Wording): Promise<Typed> {
    const { clock, tmux } = this.#ports;
    const receipt = this.#receiptFor(agent, wording);
    try {
      const shut = this.#shut(agent);
      if (shut !== undefined) return this.#giveUp(agent, wording, wording.pieces.length, shut.message);
      const reading = await readScreen(tmux, agent);
      if (isRefusal(reading)) return closed.unseen(agent, reading.message);
      if (boxState(reading, wording) !== 'ours') {
        return this.#giveUp(agent, wording, wording.pieces.length, 'the box changed before it was submitted');
      }
      const pressed = await tmux.press(agent.target, 'Enter');
      if (isRefusal(pressed)) return this.#giveUp(agent, wording, wording.pieces.length, pressed.message);
      if (await receipt.within(ENTER_AGAIN_MS)) return { verdict: 'delivered' };
      const still = await readScreen(tmux, agent);
      if (!isRefusal(still) && boxState(still, wording) === 'ours' && this.#shut(agent) === undefined) {
        await tmux.press(agent.target, 'Enter');
      }
      if (await receipt.within(CONFIRM_MS)) return { verdict: 'delivered' };
      await agent.look();
      await pause(clock, REPORT_LATE_MS);
      if (receipt.came()) return { verdict: 'delivered' };
      return await this.#notConfirmed(agent, wording);
    } finally {
      receipt.stop();
    }
  }

  /** G5 */
  async #notConfirmed(agent: PaneAgent, wording: Wording): Promise<Typed> {
    const reading = await readScreen(this.#ports.tmux, agent);
    if (isRefusal(reading)) return { verdict: 'unconfirmed', detail: plainLine(reading.message) };
    const state = boxState(reading, wording);
    if (state === 'ours') return this.#giveUp(agent, wording, wording.pieces.length, 'Enter did not submit it');
    if (state === 'none') {
      return { verdict: 'unconfirmed', detail: `after Enter the screen shows ${closed.seen(reading)}` };
    }
    const detail = 'it is out of the box, but the agent has not reported it';
    return { verdict: 'unconfirmed', detail: state === 'empty' ? detail : `${detail}; other text is there now` };
  }

  /** It is not submitted, and what is in the box is taken out where that is certain to be ours. */
  async #giveUp(agent: PaneAgent, wording: Wording, count: number, why: string): Promise<Refusal> {
    const reading = await readScreen(this.#ports.tmux, agent);
    if (isRefusal(reading)) return closed.unseen(agent, reading.message);
    switch (boxState(reading, wording, count)) {
      case 'empty':
        return closed.notDelivered(agent, why, 'nothing of it is in the box');
      case 'none':
        return closed.lost(agent, reading);
      case 'other':
        return closed.mixed(agent);
      case 'ours':
      case 'partly_ours': {
        const out = await this.#takeOut(agent, wording, count);
        const kept = out ? 'it was taken out of the box again' : 'what is left of it stands in the box: look at it';
        return closed.notDelivered(agent, why, kept);
      }
    }
  }

  /** G4 */
  async #takeOut(agent: PaneAgent, wording: Wording, count: number): Promise<boolean> {
    for (let tries = 0; tries < MOST_LINES_TAKEN_OUT; tries += 1) {
      const before = await readScreen(this.#ports.tmux, agent);
      if (isRefusal(before) || this.#ports.requests.openIn(agent.run_dir).length > 0) return false;
      const state = boxState(before, wording, count);
      if (state === 'empty') return true;
      if (state !== 'ours' && state !== 'partly_ours') return false;
      if ((await this.#ports.tmux.press(agent.target, 'C-u')) !== 'done') return false;
      const shown = boxOf(before);
      await screenUntil(this.#ports, agent, (reading) => boxOf(reading) !== shown, GONE_MS);
    }
    return false;
  }

  #receiptFor(agent: PaneAgent, wording: Wording) {
    const text = squeezed(wording.text);
    let came = false;
    let arrived = () => {};
    const stop = agent.heard(({ heard }: HeardReport) => {
      if (heard.kind !== 'prompt' || !squeezed(heard.prompt).includes(text)) return;
      came = true;
      arrived();
    });
    const within = (ms: number): Promise<boolean> =>
      new Promise((resolve) => {
        const cancel = this.#ports.clock.after(came ? 0 : ms, () => resolve(came));
        arrived = () => {
          cancel();
          resolve(true);
        };
      });
    return { stop, within, came: () => came };
  }
}

function boxOf(reading: ScreenReading): string | undefined {
  return reading.kind === 'ready' || reading.kind === 'busy' ? reading.box : undefined;
}
