import type { ScreenReading } from '../../agents/agent.ts';
import { plainLine } from '../../model/plain-text.ts';
import { isRefusal, type Refusal } from '../../model/refusal.ts';
import type { Clock, Files } from '../../ports.ts';
import type { Tmux } from '../../terminals.ts';
import { type BoxState, boxState, pause, readScreen, screenUntil } from './box.ts';
import * as closed from './closed.ts';
import { NewReports } from './new-reports.ts';
import type { PaneAgent } from './pane-agent.ts';
import { squeezed, type Wording } from './wording.ts';

/*
 * One text on its way into a box that was seen empty, under a hold (guard.ts).
 *
 * Y1. Enter is pressed only while exactly our text stands in the box and nothing is open, and a second time only while
 *     that still holds.
 * Y2. What is taken out of the box again is ours and nothing else.
 * Y3. `delivered` is what the agent itself has reported, whoever pressed Enter; what may have been is `unconfirmed` and
 *     never typed again.
 */

export type Typed =
  | { readonly verdict: 'delivered' }
  | { readonly verdict: 'unconfirmed'; readonly detail: string }
  | Refusal;

type Shut = () => Promise<Refusal | undefined>;

export interface TypingPorts {
  readonly tmux: Pick<Tmux, 'read' | 'paste' | 'press'>;
  readonly files: Files;
  readonly clock: Clock;
}

const SHOWN_MS = 2_500;
const ENTER_AGAIN_MS = 900;
const CONFIRM_MS = 2_500;
const REPORT_LATE_MS = 400;
const LOOK_AGAIN_MS = 60;
const GONE_MS = 400;
const MOST_KEYS_TO_TAKE_OUT = 12;

export class Typing {
  readonly #ports: TypingPorts;
  readonly #agent: PaneAgent;
  readonly #wording: Wording;
  readonly #reports: NewReports;
  /** Why nothing may be typed now, asked again before each Enter. */
  readonly #shut: Shut;

  private constructor(ports: TypingPorts, agent: PaneAgent, wording: Wording, shut: Shut, reports: NewReports) {
    this.#ports = ports;
    this.#agent = agent;
    this.#wording = wording;
    this.#shut = shut;
    this.#reports = reports;
  }

  static async of(ports: TypingPorts, agent: PaneAgent, wording: Wording, shut: Shut): Promise<Typing> {
    return new Typing(ports, agent, wording, shut, await NewReports.from(ports.files, agent));
  }

  /** Y2: what an earlier try of this text left in the box, where nothing else stands there. */
  async clearAway(): Promise<void> {
    if ((await this.#shut()) === undefined && (await this.#box()) === 'ours')
      await this.#takeOut(this.#wording.pieces.length);
  }

  async type(): Promise<Typed> {
    for (const [index, piece] of this.#wording.pieces.entries()) {
      const pasted = await this.#ports.tmux.paste(this.#agent.target, piece);
      if (isRefusal(pasted)) return index === 0 ? pasted : this.#giveUp(pasted.message, index);
      // A paste that may have been is looked at like one that was.
      const ours = (reading: ScreenReading) => boxState(reading, this.#wording, index + 1) === 'ours';
      const over = (reading: ScreenReading) => ours(reading) || reading.kind === 'dialog';
      const reading = await screenUntil(this.#ports, this.#agent, over, SHOWN_MS);
      if (isRefusal(reading)) return closed.unseen(this.#agent, reading.message);
      if (!ours(reading)) return this.#giveUp('it was not shown there as it is', index + 1);
    }
    return this.#submit();
  }

  /** Y1 */
  async #submit(): Promise<Typed> {
    const shut = await this.#shut();
    if (shut !== undefined) return this.#giveUp(shut.message);
    if ((await this.#box()) !== 'ours') return this.#giveUp('its box changed');
    const pressed = await this.#ports.tmux.press(this.#agent.target, 'Enter');
    if (isRefusal(pressed)) return this.#giveUp(pressed.message);
    if (await this.#reported(ENTER_AGAIN_MS)) return { verdict: 'delivered' };
    if ((await this.#shut()) === undefined && (await this.#box()) === 'ours') {
      await this.#ports.tmux.press(this.#agent.target, 'Enter');
    }
    if (await this.#reported(CONFIRM_MS)) return { verdict: 'delivered' };
    return this.#notConfirmed();
  }

  /** Y3 */
  async #notConfirmed(): Promise<Typed> {
    const reading = await readScreen(this.#ports.tmux, this.#agent);
    if (isRefusal(reading)) return { verdict: 'unconfirmed', detail: plainLine(reading.message) };
    const state = boxState(reading, this.#wording);
    if (state === 'ours') return this.#giveUp('Enter did not submit it');
    if (state === 'none') {
      return { verdict: 'unconfirmed', detail: `after Enter the screen shows ${closed.seen(reading)}` };
    }
    const detail = 'it is out of the box, but the agent has not reported it';
    return { verdict: 'unconfirmed', detail: state === 'empty' ? detail : `${detail}; other text is there now` };
  }

  /** It is not submitted by us; what is in the box is taken out where that is certain to be ours. */
  async #giveUp(why: string, count = this.#wording.pieces.length): Promise<Typed> {
    const agent = this.#agent;
    const reading = await readScreen(this.#ports.tmux, agent);
    if (isRefusal(reading)) return closed.unseen(agent, reading.message);
    const state = boxState(reading, this.#wording, count);
    if ((state === 'empty' || state === 'none') && (await this.#reported(REPORT_LATE_MS)))
      return { verdict: 'delivered' };
    switch (state) {
      case 'empty':
        return closed.notDelivered(agent, why, 'nothing of it is in the box');
      case 'none':
        return closed.lost(agent, reading);
      case 'other':
        return closed.mixed(agent);
      case 'ours':
      case 'partly_ours': {
        const out = await this.#takeOut(count);
        const kept = out ? 'it was taken out of the box again' : 'what is left of it stands in the box: look at it';
        return closed.notDelivered(agent, why, kept);
      }
    }
  }

  /** Y2 */
  async #takeOut(count: number): Promise<boolean> {
    const { tmux } = this.#ports;
    for (let keys = 0; keys < MOST_KEYS_TO_TAKE_OUT; keys += 1) {
      const before = await readScreen(tmux, this.#agent);
      if (isRefusal(before)) return false;
      const state = boxState(before, this.#wording, count);
      if (state === 'empty') return true;
      if (state !== 'ours' && state !== 'partly_ours') return false;
      if ((await tmux.press(this.#agent.target, 'C-u')) !== 'done') return false;
      const changed = (reading: ScreenReading) => boxOf(reading) !== boxOf(before);
      await screenUntil(this.#ports, this.#agent, changed, GONE_MS);
    }
    return false;
  }

  async #box(): Promise<BoxState> {
    const reading = await readScreen(this.#ports.tmux, this.#agent);
    return isRefusal(reading) ? 'none' : boxState(reading, this.#wording);
  }

  async #reported(limitMs: number): Promise<boolean> {
    const { clock } = this.#ports;
    const text = squeezed(this.#wording.text);
    for (const end = clock.now() + limitMs; ; ) {
      for (const { heard } of await this.#reports.next()) {
        if (heard.kind === 'prompt' && squeezed(heard.prompt).includes(text)) return true;
      }
      if (clock.now() >= end) return false;
      await pause(clock, LOOK_AGAIN_MS);
    }
  }
}

function boxOf(reading: ScreenReading): string | undefined {
  return reading.kind === 'ready' || reading.kind === 'busy' ? reading.box : undefined;
}
