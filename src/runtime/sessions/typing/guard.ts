import type { ScreenReading } from '../../agents/agent.ts';
import { isRefusal, type Refusal } from '../../model/refusal.ts';
import type { SessionRequest } from '../../model/session.ts';
import type { Key } from '../../terminals.ts';
import { pause, readScreen, screenUntil } from './box.ts';
import * as closed from './closed.ts';
import { HOLD_OLD_MS, whileHeld } from './hold.ts';
import { justAsked } from './new-reports.ts';
import { liveOf, type PaneAgent } from './pane-agent.ts';
import { type Typed, Typing, type TypingPorts } from './typing.ts';
import type { Wording } from './wording.ts';

/*
 * The one gate before everything that is written into a pane. It fails closed.
 *
 * G1. Nothing is typed but into an empty box that was seen, while nothing is open and no tool is about to ask.
 * G2. While something is typed, the agent begins no tool, so that no dialog of one can come up under it (hold.ts); no
 *     Enter is pressed after the time that hooks keep to a hold.
 * G3. One after the other: nothing else is typed into the same pane meanwhile.
 * tmux itself checks, at each key, that the pane is ours, runs the process that was meant, and is in no mode.
 */

export interface GuardPorts extends TypingPorts {
  readonly requests: { openIn(run_dir: string): readonly SessionRequest[] };
}

export type Pressed = 'done' | { readonly verdict: 'unconfirmed'; readonly detail: string } | Refusal;

/** A tool that began before the hold has shown its dialog by then. */
const SETTLE_MS = 500;
/** A screen that is just being painted is looked at again. */
const PAINTED_MS = 500;
const LONGEST_HOLD_MS = HOLD_OLD_MS - 2_000;

export class Guard {
  readonly #ports: GuardPorts;
  readonly #turns = new Map<string, Promise<unknown>>();
  /** By pane: what was typed last and not submitted. It may stand in the box still. */
  readonly #left = new Map<string, { readonly pid: number; readonly wording: Wording }>();

  constructor(ports: GuardPorts) {
    this.#ports = ports;
  }

  /** Puts the text into the agent's box and submits it. */
  async type(agent: PaneAgent, wording: Wording): Promise<Typed> {
    return this.#inTurn(agent, async () => {
      const { clock } = this.#ports;
      const began = clock.now();
      const late = () => (clock.now() - began > LONGEST_HOLD_MS ? closed.tookTooLong(agent) : undefined); // G2
      const typing = (text: Wording) =>
        Typing.of(this.#ports, agent, text, async () => late() ?? (await this.#open(agent)));
      const shut = await this.#settled(agent);
      if (shut !== undefined) return shut;
      const left = this.#left.get(agent.target.pane);
      if (left?.pid === agent.target.pid) await (await typing(left.wording)).clearAway();
      const against = await this.#notClear(agent);
      if (against !== undefined) return against;
      const typed = await (await typing(wording)).type();
      if (isRefusal(typed)) this.#left.set(agent.target.pane, { pid: agent.target.pid, wording });
      else this.#left.delete(agent.target.pane);
      return typed;
    });
  }

  /** One key, at a screen that is as wanted. `at_request`: also while something is asked. */
  async press(
    agent: PaneAgent,
    key: Key,
    against: (reading: ScreenReading) => Refusal | undefined,
    when: 'nothing_open' | 'at_request',
  ): Promise<Pressed> {
    return this.#inTurn(agent, async () => {
      const shut = when === 'nothing_open' ? await this.#settled(agent) : undefined;
      if (shut !== undefined) return shut;
      const reading = await readScreen(this.#ports.tmux, agent);
      const refused = isRefusal(reading) ? reading : against(reading);
      if (refused !== undefined) return refused;
      const pressed = await this.#ports.tmux.press(agent.target, key);
      if (pressed === 'done' || isRefusal(pressed)) return pressed;
      return { verdict: 'unconfirmed', detail: pressed.reason };
    });
  }

  /** G2, G3 */
  #inTurn<T>({ target, run_dir }: PaneAgent, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(target.pane) ?? Promise.resolve();
    const mine = before.then(() => whileHeld(this.#ports, run_dir, act));
    const over = mine.then(
      () => {},
      () => {},
    );
    this.#turns.set(target.pane, over);
    void over.then(() => {
      if (this.#turns.get(target.pane) === over) this.#turns.delete(target.pane);
    });
    return mine;
  }

  /** G1: by what is known and told, after everything that was under way has had its time to tell. */
  async #settled(agent: PaneAgent): Promise<Refusal | undefined> {
    const { files, clock } = this.#ports;
    const early = await this.#open(agent);
    if (early !== undefined) return early;
    if (agent.doing().kind !== 'idle') await pause(clock, SETTLE_MS);
    const live = await liveOf(files, agent);
    if (live?.status === 'waiting') return closed.waiting(agent, live.waiting_for);
    return this.#open(agent);
  }

  async #open(agent: PaneAgent): Promise<Refusal | undefined> {
    const { requests, files, clock } = this.#ports;
    const [request] = requests.openIn(agent.run_dir);
    if (request !== undefined) return closed.asks(agent, request);
    if (await justAsked(files, agent.run_dir, clock.now())) return closed.waiting(agent, 'the answer to a request');
    return closed.by(agent, clock.now());
  }

  /** G1: by what is seen. */
  async #notClear(agent: PaneAgent): Promise<Refusal | undefined> {
    const known = ({ kind }: ScreenReading) => kind !== 'unknown';
    const reading = await screenUntil(this.#ports, agent, known, PAINTED_MS);
    return isRefusal(reading) ? reading : closed.onScreen(agent, reading);
  }
}
