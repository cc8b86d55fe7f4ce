import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../model/config.ts';
import type { JournalRecord } from '../model/event.ts';
import type { ProjectNames } from '../model/shown-event.ts';
import type { Sink, SinkView } from '../model/sink.ts';
import type { Chance, Clock, Commands, Files, Poster, TaskStore } from '../ports.ts';
import type { Environment } from '../runs/environment.ts';
import type { Need } from '../yard.ts';
import { CommandAtWork } from './command.ts';
import { eventsOf } from './event.ts';
import { Places } from './places.ts';
import type { SinkAtWork } from './sink.ts';
import { Webhook, type WebhookPorts } from './webhook.ts';

/*
 * Tells others what happens, as the journal has it.
 *
 * F1. Nothing waits for a sink: a record is handed on in memory, bounded, and what a sink does about it is its own.
 * F2. The trouble of one is its own, too: no sink waits for another.
 * F3. Where none is configured nothing is listened to.
 */

export interface SinkPorts {
  readonly config: Pick<Config, 'sinks' | 'local_only'>;
  readonly store: Pick<TaskStore, 'record' | 'epoch'> & {
    follow(listener: (record: JournalRecord) => void): () => void;
    span(): { readonly newest: number };
  };
  /** Kept records from a number on, oldest first. */
  readonly records: (from: number) => AsyncIterable<JournalRecord>;
  readonly files: Files;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly poster: Poster;
  readonly commands: Commands;
  /** The runtime's own; keys are looked up there. */
  readonly env: Environment;
  readonly home: string;
  readonly version: string;
  readonly projectName: ProjectNames;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: object) => void;
}

export class Sinks {
  readonly #ports: SinkPorts;
  readonly #webhooks: WebhookPorts;
  readonly #sinks = new Map<string, { readonly config: Sink; readonly at: SinkAtWork }>();
  #unfollow: (() => void) | undefined;
  #running = false;
  #changing: Promise<void> = Promise.resolve();

  constructor(ports: SinkPorts) {
    this.#ports = ports;
    const { store, projectName, home, files } = ports;
    this.#webhooks = {
      ...ports,
      eventsOf: (record) => eventsOf(record, projectName),
      places: new Places(files, join(home, 'sinks')),
      localOnly: () => ports.config.local_only,
      newest: () => store.span().newest,
    };
  }

  start(): void {
    this.#running = true;
    this.configured();
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#changing;
    this.#listen(false);
    await Promise.all([...this.#sinks.values()].map(({ at }) => at.stop()));
    this.#sinks.clear();
  }

  /** A sink that is configured otherwise goes on where it was; one that is gone keeps its place, should it come back. */
  configured(): void {
    if (!this.#running) return;
    this.#changing = this.#changing
      .then(() => this.#change())
      .catch((error) => this.#ports.say('error', 'the sinks could not be changed', { error: String(error) }));
  }

  views(): SinkView[] {
    return [...this.#sinks.values()].map(({ at }) => at.view());
  }

  needs(): Need[] {
    return [...this.#sinks.values()].flatMap(({ at }) => at.needs());
  }

  async #change(): Promise<void> {
    const wanted = new Map(this.#ports.config.sinks.map((sink) => [sink.name, sink]));
    const old = [...this.#sinks].filter(([name, { config }]) => !isDeepStrictEqual(wanted.get(name), config));
    for (const [name] of old) this.#sinks.delete(name);
    await Promise.all(old.map(([, { at }]) => at.stop()));
    if (!this.#running) return;
    for (const { at } of this.#sinks.values()) at.configured();
    for (const [name, config] of wanted) if (!this.#sinks.has(name)) this.#begin(config);
    this.#listen(this.#sinks.size > 0);
  }

  /** It has the number of the newest record before the next one comes. */
  #begin(config: Sink): void {
    const at = config.kind === 'webhook' ? new Webhook(this.#webhooks, config) : this.#command(config);
    this.#sinks.set(config.name, { config, at });
    at.start();
  }

  #command(config: Extract<Sink, { kind: 'command' }>): SinkAtWork {
    return new CommandAtWork({ ...this.#ports, cwd: this.#ports.home }, config);
  }

  /** F3 */
  #listen(wanted: boolean): void {
    if (wanted) this.#unfollow ??= this.#ports.store.follow((record) => this.#take(record));
    else {
      this.#unfollow?.();
      this.#unfollow = undefined;
    }
  }

  /** F1 */
  #take(record: JournalRecord): void {
    const events = eventsOf(record, this.#ports.projectName);
    for (const { at } of this.#sinks.values()) at.take(record.seq, events);
  }
}
