import { join } from 'node:path';
import type { SessionAgent } from '../agents/agent.ts';
import type { HeadlessAgent } from '../agents/headless.ts';
import type { SessionRequest } from '../model/session.ts';
import type { Lease } from '../model/task.ts';
import type { OpenRequest } from '../policy/session-requests.ts';
import { AskedRequests } from '../sessions/attempts/asked.ts';
import type { AgentRequest } from '../sessions/attempts/attempt-ports.ts';
import { Spool } from '../sessions/attempts/spool.ts';
import type { HeadlessPorts } from './ports.ts';
import { type HeadlessRecord, headlessFiles } from './record.ts';

/*
 * What the agent of a run asks. Its hooks wait at pipes, as those of agents in sessions do; nobody can answer but through
 * them, so a request is open as long as its pipe is there and no answer of ours was taken.
 */

export class Asking {
  readonly #ports: HeadlessPorts;
  readonly #dir: string;
  readonly #spool: Spool;
  readonly #asked: AskedRequests;
  readonly #over = new Set<string>();
  /** Where the agent's own reports say that its conversation is kept. */
  transcript: string | undefined;

  constructor(ports: HeadlessPorts, facts: { dir: string; name: string; lease: Lease; record: HeadlessRecord }) {
    const { dir, name, lease, record } = facts;
    this.#ports = ports;
    this.#dir = dir;
    const agent = { hear: heardBy(ports.headless(record.agent), ports.agent(record.agent), (at) => this.#told(at)) };
    this.#spool = new Spool({ ...ports, agent }, dir, OWN);
    const whose = { lease, dir, record: { session: name, agent: record.agent } };
    this.#asked = new AskedRequests(ports.requests, whose, () => ports.of(lease.task.project).blocked_timeout);
  }

  get open(): readonly AgentRequest[] {
    return this.#asked.open();
  }

  /** A watch has told of this file, or of it knows not what. */
  hint(name: string | null): void {
    this.#spool.hint(name);
  }

  /** Its hook has taken an answer. */
  answered(report: string): void {
    this.#over.add(report);
  }

  async look(which: 'all' | 'hinted'): Promise<void> {
    await this.#spool.scan(which);
    const { told } = this.#spool;
    const waiting: OpenRequest[] = [];
    for (const request of told.requests) if (await this.#waits(request.report)) waiting.push(request);
    this.#asked.now(waiting, told, []);
  }

  denyAll(reason: string): Promise<void> {
    return this.#asked.denyAll(reason);
  }

  /** The run is over: whoever waits in it waits for nothing. */
  async end(): Promise<void> {
    this.#asked.now([], { requests: [], turn: 'open' }, []);
    await this.#ports.requests.recovered(this.#dir);
  }

  async #waits(report: string): Promise<boolean> {
    if (this.#over.has(report)) return false;
    const pipe = await this.#ports.files.stat(join(headlessFiles(this.#dir).answers, report));
    if (pipe?.kind === 'other') return true;
    this.#over.add(report);
    return false;
  }

  #told(transcript: string | undefined): void {
    if (transcript !== undefined) this.transcript = transcript;
  }
}

/** The spool asks whose a report is: all of them in a run directory are of its one agent. */
const OWN = { conversation: 'its own', nonce: '' };

function heardBy(
  headless: Pick<HeadlessAgent, 'request'>,
  session: Pick<SessionAgent, 'hear'>,
  told: (transcript: string | undefined) => void,
): SessionAgent['hear'] {
  return (report) => {
    const request = headless.request?.(report);
    const heard = session.hear(report);
    told(heard?.transcript);
    if (request === undefined && heard === undefined) return undefined;
    const common = { report: report.name, at: report.at, conversation: OWN.conversation };
    if (request === undefined) return { ...common, heard: { kind: 'other', what: 'a report' } };
    return { ...common, heard: { kind: 'asks', ...request } };
  };
}

/** What people are told that it waits for. */
export function askedText({ kind, tool }: Pick<SessionRequest, 'kind' | 'tool'>, count: number): string {
  const more = count > 1 ? `, and ${count - 1} more` : '';
  return kind === 'question' ? `it has a question${more}` : `it asks for permission to use ${tool}${more}`;
}
