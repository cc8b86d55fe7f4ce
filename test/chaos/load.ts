import { closeSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from '../../src/runtime/ports.ts';
import type { Talk } from './client.ts';
import type { Site } from './site.ts';

/*
 * Clients, people and programs at work on the queues, as mixed as they come. What they were told, and what they did
 * to files, goes to the ledger after it happened; what they only tried does not.
 */

const IN_FLIGHT = 12;
const BROKEN = [
  '---\npriority: urgent-ish\n---\nwork',
  '---\ntitle: [\n---\nwork',
  '---js\n{}\n---\nwork',
  '',
  '\u0000',
];

export interface Kind {
  readonly providers: readonly string[];
  /** How long a task's agent works. */
  readonly seconds: (luck: number) => number;
}

interface Known {
  readonly project: string;
  readonly id: string;
}

export class Load {
  readonly #site: Site;
  readonly #talk: Talk;
  readonly #chance: Chance;
  readonly #known: Known[] = [];
  readonly #flying = new Set<Promise<void>>();
  readonly #providers: readonly string[];
  readonly #seconds: (luck: number) => number;
  readonly #refusals: string[] = [];
  #made = 0;
  #stopped = false;

  constructor(site: Site, talk: Talk, chance: Chance, { providers, seconds }: Kind) {
    this.#site = site;
    this.#talk = talk;
    this.#chance = chance;
    this.#providers = providers;
    this.#seconds = seconds;
  }

  /** Until `stop`: one deed after another. When each has its answer, those come back that should have been another. */
  async run(pauseMs: number): Promise<readonly string[]> {
    while (!this.#stopped) {
      if (this.#flying.size < IN_FLIGHT) this.#fly(this.#pick()());
      await sleep(pauseMs * 2 * this.#chance.fraction());
    }
    await Promise.all(this.#flying);
    return this.#refusals;
  }

  stop(): void {
    this.#stopped = true;
  }

  #fly(deed: Promise<void>): void {
    const flight = deed
      .catch((error: unknown) => this.#refused(String(error)))
      .finally(() => this.#flying.delete(flight));
    this.#flying.add(flight);
  }

  /** Who is killed three times at the very start gives up; that promises nothing. */
  #refused(why: string): void {
    if (!why.includes('while starting')) this.#refusals.push(`a call that is right was refused: ${why}`);
  }

  #pick(): () => Promise<void> {
    const deeds: [number, () => Promise<void>][] = [
      [35, () => this.#enqueue()],
      [6, () => this.#enqueueMany()],
      [18, () => this.#drop(this.#work())],
      [8, () => this.#dropSlowly()],
      [8, () => this.#drop(this.#one(BROKEN), false)],
      [10, () => this.#delegate()],
      [12, () => this.#cancel()],
      [8, () => this.#look()],
    ];
    let left = this.#chance.fraction() * deeds.reduce((sum, [weight]) => sum + weight, 0);
    const picked = deeds.find(([weight]) => {
      left -= weight;
      return left <= 0;
    });
    return picked?.[1] ?? (() => this.#look());
  }

  async #enqueue(): Promise<void> {
    const [project, title] = this.#fresh('call');
    this.#accepted(title, await this.#talk.ask('enqueue_task', { project, title, body: this.#work() }));
  }

  async #enqueueMany(): Promise<void> {
    const named = [this.#fresh('batch'), this.#fresh('batch'), this.#fresh('batch')];
    const tasks = named.map(([project, title]) => ({ project, title, body: this.#work() }));
    const { tasks: answers = [], error } = await this.#talk.ask('enqueue_task', { tasks });
    if (error) throw new Error(JSON.stringify(error));
    for (const [i, answer] of (answers as Record<string, unknown>[]).entries()) this.#accepted(named[i]![1], answer);
  }

  async #delegate(): Promise<void> {
    const [project, title] = this.#fresh('job');
    const provider = this.#one(this.#providers);
    this.#accepted(title, await this.#talk.ask('delegate', { project, title, body: 'Think.', provider }));
  }

  #accepted(title: string, answer: Record<string, unknown>): void {
    if (answer.error) throw new Error(JSON.stringify(answer.error));
    const task = { project: String(answer.project), id: String(answer.id) };
    this.#site.ledger.note({ did: 'enqueue', ...task, title });
    this.#known.push(task);
  }

  /** Written elsewhere and moved in: complete from the first moment. */
  async #drop(text: string, valid = true): Promise<void> {
    const [project, id] = this.#fresh(valid ? 'drop' : 'broken');
    const elsewhere = join(this.#site.root, 'drops', id);
    writeFileSync(elsewhere, text);
    renameSync(elsewhere, this.#inbox(project, id));
    this.#dropped(project, id, text, valid);
  }

  /** Written in place, with a pause in the middle. */
  async #dropSlowly(): Promise<void> {
    const [project, id] = this.#fresh('slow');
    const text = `---\npriority: low\n---\n${this.#work()}`;
    const file = openSync(this.#inbox(project, id), 'wx');
    writeSync(file, text.slice(0, 12));
    await sleep(150);
    writeSync(file, text.slice(12));
    closeSync(file);
    this.#dropped(project, id, text, true);
  }

  #inbox(project: string, id: string): string {
    mkdirSync(this.#site.queue(project, 'inbox'), { recursive: true });
    return this.#site.queue(project, 'inbox', `${id}.md`);
  }

  #dropped(project: string, id: string, text: string, valid: boolean): void {
    this.#site.ledger.note({ did: 'drop', project, id, text, valid });
    if (valid) this.#known.push({ project, id });
  }

  async #cancel(): Promise<void> {
    const task = this.#recent();
    if (!task) return;
    this.#site.ledger.note({ did: 'ask to cancel', ...task }); // before: it may take effect without an answer
    const { state } = await this.#talk.ask('cancel_task', { ...task });
    if (state !== undefined) this.#site.ledger.note({ did: 'cancel', ...task, state: String(state) });
  }

  async #look(): Promise<void> {
    const task = this.#one(this.#known);
    if (!task) return;
    const { tasks = [] } = await this.#talk.ask('job_status', { ...task });
    for (const { state } of tasks as { state: string }[])
      if (['done', 'failed', 'cancelled'].includes(state)) this.#site.ledger.note({ did: 'see ended', ...task, state });
  }

  #recent(): Known | undefined {
    return this.#one(this.#known.slice(-15));
  }

  #fresh(kind: string): [project: string, title: string] {
    const project = this.#chance.fraction() < 0.1 ? 'beta' : 'alpha'; // beta does one task at a time
    return [project, `${kind}-${++this.#made}`];
  }

  #work(): string {
    const pause = this.#seconds(this.#chance.fraction()).toFixed(2);
    return `pause=${pause}; until=${this.#one([1, 1, 1, 1, 2, 3, 9])};`;
  }

  #one<T>(of: readonly T[]): T {
    return of[Math.floor(this.#chance.fraction() * of.length)] as T;
  }
}
