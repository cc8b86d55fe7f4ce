import type { SessionAgent } from '../../agents/agent.ts';
import type { AttemptView, SessionAttemptPorts } from './attempt-ports.ts';
import { type RunRecord, sessionFiles } from './run-record.ts';
import { Sight } from './sight.ts';
import { Spool } from './spool.ts';

export interface Left {
  readonly dir: string;
  readonly record: RunRecord;
  /** The newest report of its attempt. */
  readonly report: string;
  readonly pid?: number;
}

/** An agent whose attempt is over and that was left open in its seat: a person may use it for something of their own. */
export class Lingering {
  readonly left: Left;
  readonly #ports: SessionAttemptPorts;
  readonly #agent: SessionAgent;
  readonly #sight: Sight;
  #spool: Spool;
  #watch: { close(): void } | undefined;
  #used_at: number | undefined;
  #looking = false;
  #again = false;

  constructor(ports: SessionAttemptPorts, left: Left) {
    this.left = left;
    this.#ports = ports;
    this.#agent = ports.agent(left.record.agent);
    this.#sight = new Sight({ ...ports, agent: this.#agent }, left.dir, anyConversation(left.record), left.pid);
    this.#spool = this.#spoolAfter(left.report);
    this.#watch = ports.watcher.watch(sessionFiles(left.dir).hooks, () => void this.look());
  }

  /**
   * A turn that came after the attempt is under way, or the agent says of itself that it is busy, with whatever
   * conversation. No hook tells that a turn was ended with Escape: an agent that is idle since then has none.
   */
  get inUse(): boolean {
    const { live } = this.#sight.now;
    const { told } = this.#spool;
    if (live?.status === 'busy' || live?.status === 'waiting') return true;
    if (live?.status === 'idle' && live.at >= told.active_at) return false;
    return told.turn === 'open' || told.turn === 'background' || told.requests.length > 0;
  }

  async look(): Promise<void> {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#again && this.#watch) {
        this.#again = false;
        await this.#round();
      }
    } catch (error) {
      this.#ports.say('warn', 'an agent that is done could not be looked at', { error: String(error) });
    } finally {
      this.#looking = false;
    }
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  view(): AttemptView {
    const { record, dir, pid } = this.left;
    const { inUse } = this;
    return {
      state: inUse ? 'occupied' : 'idle',
      detail: inUse ? 'a person uses the agent that was left in it' : 'its agent is done, and still open',
      ...(this.#used_at !== undefined && { evidence: { from: 'hooks', at: this.#used_at } }),
      conversation: record.conversation,
      ...(record.model !== undefined && { model: record.model }),
      ...(record.profile !== undefined && { profile: record.profile }),
      ...(pid !== undefined && { pid }),
      ...(record.config_dir !== undefined && { config_dir: record.config_dir }),
      ...{ requests: [], run_dir: dir, transcript: record.transcript, lingering: true },
    };
  }

  async #round(): Promise<void> {
    await this.#spool.scan();
    await this.#sight.lookAtState();
    const { told } = this.#spool;
    if (told.at > 0) this.#used_at = told.at;
    if (told.over || told.turn === 'paused') this.#spool = this.#spoolAfter(told.report); // their next turn begins anew
  }

  /** Every prompt counts here: there is none of ours any more. */
  #spoolAfter(report: string): Spool {
    const own = { conversation: this.left.record.conversation, nonce: '' };
    return new Spool({ ...this.#ports, agent: this.#agent }, this.left.dir, own, report);
  }
}

/** A person may have begun another one in it. */
function anyConversation({ conversation: _, ...record }: RunRecord): Omit<RunRecord, 'conversation'> {
  return record;
}
