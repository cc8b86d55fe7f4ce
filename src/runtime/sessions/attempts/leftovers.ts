import { keyOf, TaskRef } from '../../model/ids.ts';
import { isLive } from '../../model/task.ts';
import { runDirOf } from '../../runs/order.ts';
import type { Seat } from '../seats.ts';
import type { SessionAttemptPorts } from './attempt-ports.ts';
import { type Left, Lingering } from './lingering.ts';
import { type RunRecord, readRecord } from './run-record.ts';
import { Spool } from './spool.ts';

const GRACE_MS = 5_000;

/** The agents that are done and still open in their seats. */
export class Leftovers {
  readonly #ports: SessionAttemptPorts;
  readonly #bySeat = new Map<string, Lingering>();

  constructor(ports: SessionAttemptPorts) {
    this.#ports = ports;
  }

  get(seat: string): Lingering | undefined {
    return this.#bySeat.get(seat);
  }

  keep(seat: string, left: Left): void {
    this.#drop(seat);
    this.#bySeat.set(seat, new Lingering(this.#ports, left));
  }

  hint(pid: number | undefined): void {
    for (const one of this.#bySeat.values()) if (pid === undefined || one.left.pid === pid) one.hint();
  }

  /** Forgets those that are not there any more, and finds those that an earlier runtime has left. */
  async look(isTaken: (seat: string) => boolean): Promise<void> {
    for (const [seat, one] of this.#bySeat) {
      const presence = this.#ports.seats.get(seat)?.presence;
      const isThere = presence?.kind === 'there' && (one.left.pid === undefined || presence.pane.pid === one.left.pid);
      if (isThere || presence?.kind === 'unknown') void one.look();
      else this.#end(seat, one);
    }
    await this.adopt(isTaken);
  }

  async adopt(isTaken: (seat: string) => boolean): Promise<void> {
    for (const seat of this.#ports.seats.all()) {
      if (this.#bySeat.has(seat.name) || isTaken(seat.name)) continue;
      const left = await this.#leftIn(seat).catch((error: unknown) => {
        this.#ports.say('warn', 'an agent that is done could not be looked at', { error: String(error) });
        return undefined; // the next look tries again
      });
      if (left && !isTaken(seat.name) && !this.#bySeat.has(seat.name)) this.keep(seat.name, left);
    }
  }

  /** Its place is somebody else's: tmux has hung up on it, and one that does not mind that is ended. */
  #end(seat: string, { left }: Lingering): void {
    this.#drop(seat);
    this.#ports.runner.dismiss(left.dir, GRACE_MS).catch((error: unknown) => {
      this.#ports.say('warn', 'an agent that is done could not be ended', { session: seat, error: String(error) });
    });
  }

  /** The session in which a person goes on with this conversation. */
  userOf(conversation: string): string | undefined {
    const used = [...this.#bySeat].find(([, one]) => one.left.record.conversation === conversation && one.inUse);
    return used?.[0];
  }

  /**
   * A seat is about to be taken: what is left in it goes with that. An agent that holds the conversation goes first,
   * wherever it is: a conversation has one writer at a time.
   */
  async leave(seat: string | undefined, conversation: string): Promise<void> {
    const { runner, seats } = this.#ports;
    for (const [name, { left }] of [...this.#bySeat]) {
      const isWriter = left.record.conversation === conversation;
      if (name !== seat && !isWriter) continue;
      this.#drop(name);
      if (isWriter) await runner.dismiss(left.dir, GRACE_MS);
      else void runner.dismiss(left.dir, GRACE_MS).catch(() => {}); // the session's next program hangs up on it anyway
      if (name !== seat) await seats.vacate(name);
    }
  }

  close(): void {
    for (const seat of [...this.#bySeat.keys()]) this.#drop(seat);
  }

  #drop(seat: string): void {
    this.#bySeat.get(seat)?.close();
    this.#bySeat.delete(seat);
  }

  /** What its pane says of itself leads to the run directory. */
  async #leftIn({ name, presence }: Seat): Promise<Left | undefined> {
    if (presence.kind !== 'there') return undefined;
    const { pid, facts } = presence.pane;
    const ref = TaskRef.safeParse({ project: facts.project, id: facts.task }).data;
    const attempt = Number(facts.attempt);
    if (!ref || !Number.isInteger(attempt) || attempt < 1) return undefined;
    const dir = runDirOf(this.#ports.home, ref, attempt);
    const open = this.#ports.store.open().get(keyOf(ref));
    if (open && isLive(open) && open.attempt === attempt) return undefined; // it is not done
    const record = await readRecord(this.#ports.files, dir);
    if (record?.session !== name || (record.started_as ?? record.conversation) !== facts.agent_session)
      return undefined;
    return { dir, record, pid, report: await this.#lastReport(dir, record) };
  }

  async #lastReport(dir: string, record: RunRecord): Promise<string> {
    const spool = new Spool({ ...this.#ports, agent: this.#ports.agent(record.agent) }, dir, record);
    await spool.scan();
    return spool.told.report; // after its end nothing is folded: the report that ended it
  }
}
