import type { Gap, SinkView, WebhookSink } from '../model/sink.ts';
import { callbackHost } from '../policy/callback-url.ts';
import type { Chance, TaskStore } from '../ports.ts';
import type { Need } from '../yard.ts';
import { gapText, joined, type SinkEvent, wantedBy } from './event.ts';
import { Pace } from './pace.ts';
import type { Place, Places } from './places.ts';
import { type Answer, type PostPorts, post } from './post.ts';
import type { SinkAtWork } from './sink.ts';
import { type Queued, Tail, type TailPorts } from './tail.ts';

/*
 * Tells a webhook what happens, at least once and in order. The journal is its outbox; what is kept of it is its place.
 *
 * W1. The place moves on after the receiver's word alone. What is killed in between is told again, under the same ids.
 * W2. One request at a time: what comes first is told first, whatever becomes of it.
 * W3. A gap is recorded in the journal, then the place moves beyond it, then the sink is told of it before anything that
 *     comes after. A gap that is recorded while the place is not moved is found again at the next start: it is one gap.
 * W4. Nothing is given up for its age alone, only what was tried in vain. What it does not take keeps back all others: a
 *     single event that it refuses for itself is left out, as a gap.
 * W5. The place is written once a second at most, and while nothing matches once a minute.
 */

export interface WebhookPorts extends PostPorts, TailPorts {
  readonly store: Pick<TaskStore, 'record' | 'epoch'>;
  readonly chance: Chance;
  readonly places: Places;
  readonly localOnly: () => boolean;
  /** The newest record. */
  readonly newest: () => number;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: object) => void;
}

const EVERY_MS = 1_000;
const BATCH_EVENTS = 200;
const BATCH_BYTES = 262_144;
const SAVE_MS = 1_000;
const SAVE_PASSED_MS = 60_000;
const HELD_MS = 60_000;
const GONE_MS = 60 * 60_000;
const CLOSING_PATIENCE_MS = 2_000;
/** So often something may fail before it is believed. */
const FEW = 3;
const REFUSALS = 5;

type Trouble = { readonly text: string; readonly kind: 'failing' | 'held' | 'gone' };

export class Webhook implements SinkAtWork {
  readonly #ports: WebhookPorts;
  readonly #sink: WebhookSink;
  readonly #pace: Pace;
  readonly #abort = new AbortController();
  #newest = 0;
  #tail: Tail | undefined;
  #opened = false;
  #owed: Gap | undefined;
  #unrecorded: Gap | undefined;
  #lastGap: Gap | undefined;
  #missed = 0;
  #delivered = 0;
  #most = BATCH_EVENTS;
  #refusals = 0;
  #trouble: Trouble | undefined;
  #working: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #alarm: (() => void) | undefined;
  #lastSave: Promise<void> = Promise.resolve();
  #saving: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(ports: WebhookPorts, sink: WebhookSink) {
    this.#ports = ports;
    this.#sink = sink;
    this.#pace = new Pace(ports, EVERY_MS);
  }

  start(): void {
    this.#newest = this.#ports.newest();
    this.#wake();
  }

  take(seq: number, events: readonly SinkEvent[]): void {
    if (this.#stopped || !this.#tail) return; // the journal has it
    this.#tail.take(seq, events);
    if (this.#tail.behind > 0) this.#wake();
    else this.#saveWithin(SAVE_PASSED_MS);
  }

  configured(): void {
    this.#pace.now();
    this.#wake();
  }

  /** What is on its way has two seconds; it stays owed, and the next start tells it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#alarm?.();
    const patience = this.#ports.clock.after(CLOSING_PATIENCE_MS, () => this.#abort.abort());
    await this.#working;
    patience();
    this.#saving?.cancel();
    await this.#tail?.close();
    await this.#save().catch((error) => this.#sayWrong(error));
  }

  view(): SinkView {
    const { name, kind } = this.#sink;
    const trouble = this.#trouble;
    return {
      ...{ name, kind, to: callbackHost(this.#sink.url), state: this.#state() },
      ...{ delivered: this.#delivered, waiting: this.#tail?.behind ?? 0, missed: this.#missed },
      ...(this.#lastGap && { last_gap: this.#lastGap }),
      ...(trouble && { trouble: trouble.text, next_try: this.#pace.nextAt }),
    };
  }

  needs(): Need[] {
    const { name, state, to, waiting, trouble } = this.view();
    if (trouble === undefined || state === 'local_only') return [];
    const sure = this.#trouble?.kind !== 'failing' || this.#pace.failures >= FEW;
    if (!sure) return [];
    const what = `sink ${name} takes nothing: ${trouble}; ${waiting} ${waiting === 1 ? 'event waits' : 'events wait'} for it`;
    return [{ what, where: to, next: nextFor(this.#trouble?.kind, name) }];
  }

  #state(): SinkView['state'] {
    if (this.#ports.localOnly()) return 'local_only';
    if (!this.#trouble) return 'working';
    return this.#trouble.kind === 'held' ? 'held' : 'failing';
  }

  #wake(): void {
    if (this.#stopped || (this.#opened && this.#ports.localOnly())) return;
    this.#again = true;
    if (!this.#working && this.#ports.clock.now() >= this.#pace.nextAt) this.#run();
    else this.#setAlarm();
  }

  #setAlarm(): void {
    if (this.#alarm || this.#working) return;
    const { clock } = this.#ports;
    this.#alarm = clock.after(Math.max(0, this.#pace.nextAt - clock.now()), () => {
      this.#alarm = undefined;
      this.#wake();
    });
  }

  #run(): void {
    this.#alarm?.();
    this.#alarm = undefined;
    this.#again = false;
    this.#working = (this.#opened ? this.#pump() : this.#open())
      .catch((error) => this.#failed(error))
      .finally(() => {
        this.#working = undefined;
        if (this.#again) this.#wake();
      });
  }

  /** A new sink begins now. One that had begun goes on where it was. */
  async #open(): Promise<void> {
    const { places, store } = this.#ports;
    const newest = this.#newest;
    const { name } = this.#sink;
    const found = await places.read(name);
    const lost =
      found.kind === 'lost' ? found.why : found.kind === 'found' ? this.#against(found.place, newest) : undefined;
    const place =
      found.kind === 'found' && lost === undefined
        ? found.place
        : { journal: store.epoch, seq: newest, part: 0, missed: 0 };
    const tail = new Tail(this.#ports, wantedBy(this.#sink), place, this.#ports.newest());
    this.#tail = tail;
    this.#owed = place.owed;
    this.#missed = place.missed;
    this.#lastGap = place.last_gap;
    if (lost !== undefined) {
      const why = `its place was lost (${lost}): it goes on here, and what it was not told before is not counted`;
      await this.#gap({ from: newest, to: newest, count: 0, why });
    }
    if (found.kind === 'new') this.#ports.say('info', 'a sink begins', { sink: name, after: newest });
    for (let gap = await tail.measure(name); gap; gap = await tail.measure(name)) {
      tail.moveTo(gap.to); // W3
      this.#note(gap);
    }
    await this.#save();
    this.#opened = true;
    this.#again = true;
  }

  #against({ journal, seq }: Place, newest: number): string | undefined {
    if (journal !== this.#ports.store.epoch) return 'the journal is another one';
    return seq > newest ? `the journal ends before record ${seq}` : undefined;
  }

  async #pump(): Promise<void> {
    const tail = this.#tail;
    if (!tail || this.#stopped || this.#ports.localOnly()) return;
    if (this.#unrecorded) await this.#gap(this.#unrecorded);
    await this.#fill(tail);
    await this.#giveWay(tail);
    const batch = this.#batch(tail);
    if (batch.length === 0 && !this.#owed) return this.#saveWithin(SAVE_PASSED_MS);
    const answer = await post(this.#ports, this.#sink, this.#body(batch), this.#abort.signal);
    if (this.#abort.signal.aborted && answer.kind !== 'taken') return; // cut off by us: it says nothing about the receiver
    if (answer.kind === 'taken') this.#taken(tail, batch);
    else await this.#notTaken(tail, batch, answer);
    this.#again ||= tail.behind > 0 || this.#owed !== undefined;
  }

  async #fill(tail: Tail): Promise<void> {
    for (let hole = await this.#hole(tail); hole; hole = await this.#hole(tail)) {
      if (hole.count > 0) await this.#gap(hole);
    }
  }

  /** What can't be read is tried again, before it is given up. */
  async #hole(tail: Tail): Promise<Gap | undefined> {
    try {
      return await tail.fill();
    } catch (error) {
      if (tail.queue.length > 0) return undefined; // these first
      if (this.#pace.failures < FEW) throw error;
      return tail.giveUp(`the journal can not be read there: ${(error as Error).message}`);
    }
  }

  #batch({ queue }: Tail): readonly Queued[] {
    let bytes = 0;
    const end = queue.findIndex(({ event }, at) => {
      bytes += event.text().length;
      return at >= this.#most || (at > 0 && bytes > BATCH_BYTES);
    });
    return queue.slice(0, end < 0 ? queue.length : end);
  }

  /** Put together by hand: each text is JSON already. */
  #body(batch: readonly Queued[]): string {
    const { name } = this.#sink;
    const { store, clock } = this.#ports;
    const gap = this.#owed === undefined ? [] : [gapText(name, this.#owed, clock.now())];
    const events = [...gap, ...batch.map(({ event }) => event.text())];
    return `{"sink":${JSON.stringify(name)},"journal":${JSON.stringify(store.epoch)},"events":[${events.join(',')}]}`;
  }

  #taken(tail: Tail, batch: readonly Queued[]): void {
    tail.drop(batch.length); // W1
    this.#owed = undefined;
    this.#delivered += batch.length;
    this.#refusals = 0;
    this.#most = Math.min(BATCH_EVENTS, this.#most * 2);
    if (this.#trouble) this.#ports.say('info', 'a sink takes events again', { sink: this.#sink.name });
    this.#trouble = undefined;
    this.#pace.worked();
    if (tail.behind >= BATCH_EVENTS) this.#pace.now();
    this.#saveWithin(SAVE_MS);
  }

  async #notTaken(tail: Tail, batch: readonly Queued[], answer: Exclude<Answer, { kind: 'taken' }>): Promise<void> {
    const asked = answer.kind === 'again' ? answer.retry_after_ms : undefined;
    const kind = answer.kind === 'held' || answer.kind === 'gone' ? answer.kind : 'failing';
    const text = answer.kind === 'gone' ? `${answer.reason}: it says that it is gone` : answer.reason;
    if (!this.#trouble) this.#ports.say('warn', 'a sink takes nothing', { sink: this.#sink.name, why: text });
    this.#trouble = { text, kind };
    this.#pace.failed(kind === 'held' ? HELD_MS : kind === 'gone' ? GONE_MS : asked);
    if (answer.kind === 'refused' && answer.refuses) await this.#refused(tail, batch, text);
  }

  /** W4: fewer at a time, until it is known which one it does not take. */
  async #refused(tail: Tail, batch: readonly Queued[], why: string): Promise<void> {
    this.#most = Math.max(1, Math.floor(batch.length / 2));
    if (batch.length > 1 || ++this.#refusals < REFUSALS) return;
    this.#refusals = 0;
    await this.#leaveOut(tail, 1, `it refuses an event: ${why}`);
  }

  /** The older half of what it may be behind, at least, goes; told together as one gap. */
  async #giveWay(tail: Tail): Promise<void> {
    const { events, age } = this.#sink.backlog;
    const over = tail.behind > events ? tail.behind - Math.floor(events / 2) : 0;
    if (over > 0) await this.#leaveOut(tail, over, `it is more than ${events} events behind`);
    const before = this.#ports.clock.now() - age;
    const [first] = tail.queue;
    if (this.#pace.failures >= FEW && first && first.event.at < before)
      // W4
      await this.#leaveOut(tail, 0, 'it has not taken them for too long', before);
  }

  /** The first so many, what is older than that, and the rest of the last one's record. */
  async #leaveOut(tail: Tail, count: number, why: string, before = 0): Promise<void> {
    let gap: Gap | undefined;
    for (let whole = true; ; ) {
      const hole = tail.queue.length === 0 ? await this.#hole(tail) : undefined;
      if (hole) {
        gap = joined(gap, hole);
        this.#unrecorded = gap;
        continue;
      }
      const [first] = tail.queue;
      if (!first || (whole && (gap?.count ?? 0) >= count && first.event.at >= before)) break;
      const { seq } = first.event;
      gap = joined(gap, { from: seq, to: seq, count: 1, why });
      this.#unrecorded = gap;
      whole = first.last;
      tail.drop(1);
    }
    if (gap) await this.#gap(gap);
  }

  /** W3 */
  async #gap(gap: Gap): Promise<void> {
    const { store, say } = this.#ports;
    this.#unrecorded = gap;
    await store.record({ type: 'sink_gap', sink: this.#sink.name, ...gap }, { by: 'runner' });
    this.#unrecorded = undefined;
    say('warn', 'a sink was not told of some events', { sink: this.#sink.name, ...gap });
    this.#note(gap);
    await this.#save();
  }

  #note(gap: Gap): void {
    this.#owed = joined(this.#owed, gap);
    this.#missed += gap.count;
    this.#lastGap = { from: gap.from, to: gap.to, count: gap.count, why: gap.why };
  }

  /** W5 */
  #saveWithin(ms: number): void {
    const { clock } = this.#ports;
    const at = clock.now() + ms;
    if (this.#stopped || (this.#saving && this.#saving.at <= at)) return;
    this.#saving?.cancel();
    const cancel = clock.after(ms, () => {
      this.#saving = undefined;
      this.#save().catch((error) => this.#sayWrong(error));
    });
    this.#saving = { at, cancel };
  }

  #save(): Promise<void> {
    this.#lastSave = this.#lastSave.catch(() => undefined).then(() => this.#write());
    return this.#lastSave;
  }

  async #write(): Promise<void> {
    const { places, store } = this.#ports;
    if (!this.#tail || this.#unrecorded) return; // W3
    await places.write(this.#sink.name, {
      ...{ journal: store.epoch, ...this.#tail.place, missed: this.#missed },
      ...(this.#owed && { owed: this.#owed }),
      ...(this.#lastGap && { last_gap: this.#lastGap }),
    });
  }

  /** The journal can't be read or written, or the place can't; the sink has not been asked. */
  async #failed(error: unknown): Promise<void> {
    const text = error instanceof Error ? error.message : String(error);
    if (!this.#trouble) this.#ports.say('error', 'a sink can not be served', { sink: this.#sink.name, error: text });
    this.#trouble = { text, kind: 'failing' };
    this.#pace.failed();
    this.#again = true;
  }

  #sayWrong(error: unknown): void {
    this.#ports.say('warn', "a sink's place could not be written", { sink: this.#sink.name, error: String(error) });
  }
}

function nextFor(kind: Trouble['kind'] | undefined, name: string): string {
  switch (kind) {
    case 'held':
      return `mend the sink ${name} in yardmaster.yaml, or set its key and restart; then it goes on`;
    case 'gone':
      return `give the sink ${name} another url in yardmaster.yaml, or take it out; it is asked again once an hour`;
    default:
      return 'mend the receiver; it is tried again by itself, and told of newer events and a gap when it falls too far behind';
  }
}
