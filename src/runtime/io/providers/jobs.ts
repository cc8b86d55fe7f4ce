import type { JobState, JobsProvider as JobsConfig } from '../../model/provider.ts';
import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
import { addressOf } from '../../policy/provider-address.ts';
import type { JobLook, JobOrder, Provider, Submitted } from '../../ports.ts';
import { jsonIn, quote } from './answers.ts';
import { judgeSubmit } from './classify.ts';
import { type Heard, JobsLine, type JobsOptions, statusOf, trouble, understand } from './jobs-line.ts';
import { errorIn, factsIn, jobIdIn, listedIn, responseIn, standingIn } from './jobs-words.ts';

export type { JobsOptions } from './jobs-line.ts';

/*
 * The HTTP job contract (docs/jobs.openapi.yaml): POST a job, GET where it stands, GET its result.
 *
 * 1. A question that changes nothing can be asked again: whatever is not a good answer means "later".
 * 2. A job ends once, so an end must be sure. A failure is asked for twice: behind one address may be several machines, and
 *    one that is behind says things that are not so any more. A result that is said to be still at work is not taken.
 */

export function jobsProvider(id: string, config: JobsConfig, options: JobsOptions = {}): Provider | Refusal {
  const base = addressOf(id, config.base_url);
  if (isRefusal(base)) return base;
  const { submit: _, find, ...named } = config.paths;
  const bad = Object.entries(named).find(([, path]) => path !== undefined && !path.includes('{id}'))?.[0];
  if (bad !== undefined) return withoutPlace(id, bad, '{id}');
  if (find !== undefined && !find.includes('{key}')) return withoutPlace(id, 'find', '{key}');
  return new Jobs(id, config, base, options);
}

function withoutPlace(id: string, path: string, place: string): Refusal {
  const at = `delegation.providers.${id}.paths.${path}`;
  return refuse('not_configured', `provider ${id} can't be used: ${at} names no job`, `put ${place} into it`);
}

class Jobs implements Provider {
  readonly id: string;
  readonly address: string;
  readonly ai: readonly string[];
  readonly idempotent: boolean;
  readonly transient = false;
  readonly find?: (key: string, signal: AbortSignal) => Promise<string | undefined>;
  readonly cancel?: (job_id: string, signal: AbortSignal) => Promise<void>;
  readonly #config: JobsConfig;
  readonly #line: JobsLine;

  constructor(id: string, config: JobsConfig, base: URL, options: JobsOptions) {
    this.id = id;
    this.address = config.base_url;
    this.ai = config.ai;
    this.idempotent = config.idempotent_submit;
    this.#config = config;
    this.#line = new JobsLine(config, base, options);
    const { find, cancel } = config.paths;
    if (find !== undefined) this.find = (key, signal) => this.#find(find, key, signal);
    if (cancel !== undefined) this.cancel = (job_id, signal) => this.#cancel(cancel, job_id, signal);
  }

  async submit(order: JobOrder, signal: AbortSignal): Promise<Submitted> {
    const { key: idempotency, ...job } = order;
    const body = JSON.stringify(job);
    const headers = { 'content-type': 'application/json', 'idempotency-key': idempotency };
    const { paths, fields } = this.#config;
    const { end, key } = await this.#line.submit(paths.submit, headers, body, signal);
    if (end.kind === 'no_key') return { kind: 'refused', class: 'auth', reason: end.reason, unsent: true };
    return judgeSubmit(end, {
      key,
      idempotent: this.idempotent,
      jobIdIn: (answer) => jobIdIn(jsonIn(answer), this.#config),
      error: fields.error,
    });
  }

  async look(job_id: string, signal: AbortSignal): Promise<JobLook> {
    const seen = await this.#status(job_id, signal);
    if (seen.kind !== 'ended' || seen.state === 'completed') return this.#end(seen, job_id, signal);
    return this.#end(await this.#status(job_id, signal), job_id, signal); // 2
  }

  async close(): Promise<void> {
    await this.#line.close();
  }

  async #status(job_id: string, signal: AbortSignal): Promise<Seen> {
    if (/^\.{0,2}$/.test(job_id)) return { kind: 'unknown_job' }; // it would name another address
    const asked = await this.#line.get(this.#config.paths.status, { id: job_id }, signal);
    if (statusOf(asked) === 404 || statusOf(asked) === 410) return { kind: 'unknown_job' };
    const heard = understand(asked);
    return heard.kind === 'later' ? heard : this.#standing(heard);
  }

  #standing({ json, key }: Heard): Seen {
    const standing = standingIn(json, this.#config);
    switch (standing.kind) {
      case 'none':
        return { kind: 'later', reason: `it does not say where the job stands at "${this.#config.fields.status}"` };
      case 'unknown':
        return { kind: 'active', status: `"${quote(standing.word, key)}", a word that its states do not name` };
      case 'known':
        if (standing.state === 'queued' || standing.state === 'processing')
          return { kind: 'active', status: standing.state };
        return { kind: 'ended', state: standing.state, json, key };
    }
  }

  async #end(seen: Seen, job_id: string, signal: AbortSignal): Promise<JobLook> {
    if (seen.kind !== 'ended') return seen;
    if (seen.state === 'completed') return this.#result(job_id, seen, signal);
    const { provider: _, ...used } = factsIn([seen.json], this.#config, seen.key);
    const reason = `${seen.state} upstream: ${errorIn(seen.json, this.#config, seen.key)}`;
    return { kind: 'failed', reason, ...(Object.keys(used).length > 0 && { used }) };
  }

  async #result(job_id: string, status: Ended, signal: AbortSignal): Promise<JobLook> {
    const { paths } = this.#config;
    if (paths.result === paths.status) return this.#completed(status, status);
    const asked = await this.#line.get(paths.result, { id: job_id }, signal);
    // Neither will be otherwise by asking again.
    if (asked.end.kind === 'too_large')
      return {
        kind: 'failed',
        reason: `completed upstream, but the result has more than ${asked.end.max_bytes} bytes`,
      };
    if (statusOf(asked) === 410)
      return { kind: 'failed', reason: 'completed upstream, but the result is not kept any more (HTTP 410)' };
    const heard = understand(asked);
    if (heard.kind === 'later') return { ...heard, reason: `completed upstream, but its result: ${heard.reason}` };
    const standing = standingIn(heard.json, this.#config);
    if (standing.kind === 'known' && standing.state !== 'completed')
      return { kind: 'later', reason: `completed upstream, but its result says ${standing.state}` }; // 2
    return this.#completed(status, heard);
  }

  #completed(status: Heard, { json, key }: Heard): JobLook {
    const response = responseIn(json, this.#config, key);
    if (response !== undefined)
      return { kind: 'completed', response, ...factsIn([status.json, json], this.#config, key) };
    const keys = typeof json === 'object' && json !== null ? Object.keys(json).slice(0, 20).join(', ') : '';
    const there = keys === '' ? '' : `, only: ${quote(keys, key)}`;
    const reason = `completed upstream, but its result has no text at "${this.#config.fields.response}"${there}`;
    return { kind: 'later', reason };
  }

  /** A service that does not know the parameter may list any jobs: one is believed by its key, or when it is the only one. */
  async #find(template: string, key: string, signal: AbortSignal): Promise<string | undefined> {
    const asked = await this.#line.get(template, { key }, signal);
    if (statusOf(asked) === 404) return undefined;
    const heard = understand(asked);
    if (heard.kind === 'later') throw new Error(`${this.id} could not look a job up: ${heard.reason}`);
    const all = listedIn(heard.json, this.#config);
    if (all === undefined) throw new Error(`${this.id} could not look a job up: its answer is no list of jobs`);
    const named = all.find((job) => job.key === key);
    const nameless = all.filter((job) => job.key === undefined);
    if (!named && nameless.length > 1)
      throw new Error(`${this.id} lists ${nameless.length} jobs for one key, without an idempotency_key in them`);
    const found = named ?? nameless[0];
    if (found && found.job_id === undefined) throw new Error(`${this.id} lists a job without a usable job id`);
    return found?.job_id;
  }

  async #cancel(template: string, job_id: string, signal: AbortSignal): Promise<void> {
    const asked = await this.#line.post(template, { id: job_id }, signal);
    const status = statusOf(asked) ?? 0;
    if (status < 200 || status >= 300) throw new Error(`${this.id} did not cancel job ${job_id}: ${trouble(asked)}`);
  }
}

type Ended = Heard & { readonly kind: 'ended'; readonly state: Exclude<JobState, 'queued' | 'processing'> };
type Seen = Ended | (JobLook & { readonly kind: 'active' | 'unknown_job' | 'later' });
