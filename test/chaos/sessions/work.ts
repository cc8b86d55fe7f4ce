import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Chance } from '../../../src/runtime/ports.ts';
import type { Talk } from '../client.ts';
import type { SessionSite } from './site.ts';

/** A task that was accepted, and what its agent has to do, each thing once. */
export interface Given {
  readonly project: string;
  readonly id: string;
  readonly title: string;
  readonly deeds: readonly string[];
}

/** Tasks whose agents write down what they do, in a file that is only appended to. */
export class Work {
  readonly given: Given[] = [];
  readonly #site: SessionSite;
  readonly #talk: Talk;
  readonly #chance: Chance;

  constructor(site: SessionSite, talk: Talk, chance: Chance) {
    this.#site = site;
    this.#talk = talk;
    this.#chance = chance;
  }

  get #ledger(): string {
    return join(this.#site.ledger.dir, 'did.log');
  }

  /** What the agents really did, in its order. */
  did(): string[] {
    return existsSync(this.#ledger) ? readFileSync(this.#ledger, 'utf8').split('\n').filter(Boolean) : [];
  }

  async enqueue(): Promise<void> {
    const title = `task-${this.given.length + 1}`;
    const project = this.#chance.fraction() < 0.15 ? 'beta' : 'alpha'; // beta does one task at a time
    const deeds = Array.from(
      { length: 2 + Math.floor(this.#chance.fraction() * 3) },
      (_, n) => `${title} deed ${n + 1}`,
    );
    const answer = await this.#talk.ask('enqueue_task', {
      project,
      title,
      body: this.#script(title, deeds),
      mode: 'session',
    });
    if (answer.error) throw new Error(`a task that is right was refused: ${JSON.stringify(answer.error)}`);
    this.given.push({ project: String(answer.project), id: String(answer.id), title, deeds });
  }

  /** How many are not at their end, as far as one can see from what was done. */
  open(): number {
    const did = new Set(this.did());
    return this.given.filter(({ deeds }) => !did.has(deeds.at(-1) as string)).length;
  }

  #script(title: string, deeds: readonly string[]): string {
    const steps = deeds.map((deed) => `${this.#pause(title)}[[write:${this.#ledger}:${deed}]]`);
    return `Do what is left of this, in its order.\n\n${steps.join('\n')}${this.#pause(title)}[[say:result of ${title}]]\n`;
  }

  /** Time in which an agent can be killed: it thinks, runs a command that nobody else may run meanwhile, or one that fails. */
  #pause(title: string): string {
    const luck = this.#chance.fraction();
    const ms = Math.round(this.#chance.fraction() ** 2 * 900);
    if (luck < 0.45) return `[[sleep:${ms}]]`;
    if (luck < 0.85)
      return `[[bash:flock -n ${this.#lock(title)} sleep ${ms / 1_000} || echo ${title} overlap >> ${this.#ledger}]]`;
    if (luck < 0.93) return `[[background:${ms}:result of ${title}]]`;
    return `[[bash:exit ${Math.ceil(luck * 9)}]]`;
  }

  #lock(title: string): string {
    return join(this.#site.ledger.dir, 'locks', title);
  }
}
