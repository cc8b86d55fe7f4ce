import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { idempotencyKey } from '../../../src/runtime/delegations/marker.ts';
import { DelegatedStatus } from '../../../src/runtime/model/delegated.ts';
import type { Report } from '../../fakes/job-service.ts';
import type { Site } from '../site.ts';
import type { ProviderName, Sent } from './away.ts';
import { readJournal, type Told } from './journal.ts';

/*
 * Whether delegated tasks came home as they must, beside the laws of all tasks: told from the files, the journal, what
 * the services have seen, and when the runtime was killed. To be asked when everything has ended.
 */

/** Done; failed for a reason like this; cancelled; or `any` where a race decides. */
export type Expected = 'done' | 'cancelled' | 'any' | RegExp;

export interface Scene {
  readonly site: Site;
  readonly sent: readonly Sent[];
  readonly kills: readonly number[];
  readonly reports: Readonly<Record<ProviderName, Report>>;
}

/** One task and all that is known of it. */
interface Case {
  readonly sent: Sent;
  readonly told: readonly Told[];
  readonly epoch: string;
  readonly submits: Report['heard'];
  readonly jobs: Report['jobs'];
  readonly kills: readonly number[];
  readonly done: string | undefined;
  readonly failed: string | undefined;
}

export async function checkDelegations(scene: Scene): Promise<string[]> {
  const { epoch, told } = readJournal(scene.site);
  const wrong = scene.sent.flatMap((sent) => {
    const one = caseOf(scene, sent, epoch, told);
    const found = [
      ...oneEnd(one),
      ...attemptsTold(one),
      ...keysOfAttempts(one),
      ...requestsOnce(one),
      ...jobsOnce(one),
      ...rightEnd(one),
      ...file(one),
    ];
    return found.map((what) => `${sent.provider}/${sent.id} ${what}`);
  });
  return [...wrong, ...(await counters(scene))];
}

function caseOf(scene: Scene, sent: Sent, epoch: string, told: readonly Told[]): Case {
  const about = <T extends { readonly prompt: string }>(all: readonly T[]): T[] =>
    all.filter(({ prompt }) => prompt.startsWith(`Task: ${sent.id}.md\n`));
  const everywhere = Object.values(scene.reports);
  const read = (folder: string) => {
    const path = scene.site.queue('alpha', folder, `${sent.id}.md`);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  };
  return {
    sent,
    epoch,
    told: told.filter(({ event }) => 'id' in event && event.id === sent.id),
    submits: everywhere.flatMap(({ heard }) => about(heard)).filter(({ endpoint }) => endpoint === 'submit'),
    jobs: everywhere.flatMap(({ jobs }) => about(jobs)),
    kills: scene.kills,
    done: read('done'),
    failed: read('failed'),
  };
}

function oneEnd({ told }: Case): string[] {
  const ends = told.filter(({ event }) => event.type === 'task_finished');
  return ends.length === 1 ? [] : [`has ${ends.length} ends in the journal`];
}

/** An attempt is claimed before it starts, and has at most one job, after its start. */
function attemptsTold({ told }: Case): string[] {
  const seen = new Set<string>();
  return told.flatMap(({ event }) => {
    if (event.type !== 'task_claimed' && event.type !== 'attempt_started' && event.type !== 'job_accepted') return [];
    const before = { task_claimed: undefined, attempt_started: 'task_claimed', job_accepted: 'attempt_started' };
    const needs = before[event.type];
    const wrong = needs !== undefined && !seen.has(`${needs} ${event.attempt}`);
    const name = `${event.type} ${event.attempt}`;
    const twice = seen.has(name);
    seen.add(name);
    return [...(wrong ? [`has ${name} without ${needs}`] : []), ...(twice ? [`has ${name} twice`] : [])];
  });
}

/** A request carries the key of an attempt that there was, and of no other. */
function keysOfAttempts({ told, epoch, submits }: Case): string[] {
  const keys = new Set<string | undefined>();
  for (const { event } of told)
    if (event.type === 'task_claimed') keys.add(idempotencyKey(epoch, event, event.attempt));
  return submits.filter(({ key }) => !keys.has(key)).map(({ key }) => `was sent under ${key}, the key of no attempt`);
}

/** Where keys are not honoured, a second request is a second job. */
function requestsOnce({ sent, submits }: Case): string[] {
  if (sent.provider === 'keyed') return [];
  const keys = submits.map(({ key }) => key);
  const again = keys.filter((key, i) => keys.indexOf(key) !== i);
  return again.map((key) => `was sent again under ${key}, to a provider that does not honour keys`);
}

/** Nothing that these services do makes an attempt fail and be tried again after its job was made. */
function jobsOnce({ jobs }: Case): string[] {
  return jobs.length <= 1 ? [] : [`made the jobs ${jobs.map(({ job_id }) => job_id).join(', ')}`];
}

function rightEnd(one: Case): string[] {
  const outcome = one.told.map(({ event }) => event).find((event) => event.type === 'task_finished')?.outcome;
  if (!outcome) return [];
  const { expected } = one.sent;
  if (outcome.state === 'failed' && outcome.error_class === 'unconfirmed') return honest(one, outcome.reason);
  if (outcome.state === 'done' && one.jobs.every(({ job_id }) => job_id !== outcome.job_id))
    return [`is done by ${outcome.job_id}, which is none of its jobs`];
  if (expected === 'any' || expected === outcome.state) return [];
  const reason = outcome.state === 'done' ? '' : outcome.reason;
  if (expected instanceof RegExp && outcome.state === 'failed' && expected.test(reason)) return [];
  return [`should have been ${expected} and is ${outcome.state}: ${reason}`];
}

/** Only where nobody can know: keys count for nothing, and an answer was ambiguous or a kill came in between. */
function honest({ sent, told, kills }: Case, reason: string): string[] {
  const started = told.filter(({ event }) => event.type === 'attempt_started').at(-1)?.at ?? 0;
  const ended = told.find(({ event }) => event.type === 'task_finished')?.at ?? 0;
  const killed = kills.some((at) => at >= started && at <= ended);
  const job = told.find(({ event }) => event.type === 'job_accepted');
  return [
    ...(reason.includes('may have run upstream') ? [] : [`does not say that it may have run upstream: ${reason}`]),
    ...(sent.provider === 'plain' && (sent.doubtful || killed) ? [] : [`is unconfirmed without need: ${reason}`]),
    ...(job ? ['is unconfirmed though its job was accepted'] : []),
  ];
}

/** As people and the tools before us read it: front matter, result and footer; or reason and the task as it was. */
function file(one: Case): string[] {
  const { done, failed, sent, told } = one;
  const outcome = told.map(({ event }) => event).find((event) => event.type === 'task_finished')?.outcome;
  const attempts = told.filter(({ event }) => event.type === 'task_claimed').length;
  const has = (text: string, ...needed: RegExp[]) =>
    needed.filter((part) => !part.test(text)).map((part) => `has a file without ${part}:\n${text.slice(0, 1_500)}`);
  if (outcome?.state === 'done') {
    const head = [/^---\nstatus: completed\n/, /^cost_cad: 0\.0123$/m, /^delegated_at: /m, /^finished_at: /m];
    const facts = [new RegExp(`^job_id: "?${outcome.job_id}"?$`, 'm'), new RegExp(`^attempts: ${attempts}$`, 'm')];
    const body = [new RegExp(`\n---\nAnswer to: Task: ${sent.id}\\.md\n\n${sent.body}\n`)];
    const footer = [/\n\n---\nprovider: \S+, cost_cad: 0\.0123\n$/];
    return done === undefined ? ['has no file in done/'] : has(done, ...head, ...facts, ...body, ...footer);
  }
  if (failed === undefined) return ['has no file in failed/'];
  const head = [new RegExp(`^---\nstatus: ${outcome?.state}\n`), /^failed_reason: /m, /^finished_at: /m];
  const error = outcome?.state === 'failed' ? [new RegExp(`^error_class: ${outcome.error_class}$`, 'm')] : [];
  const body = [/\n# What happened\n/, new RegExp(`\n## The task as it was\n\n[\\s\\S]*${sent.body}\n*$`)];
  return has(failed, ...head, ...error, ...body);
}

/** What the runtime tells of delegation when nothing is delegated any more. */
async function counters({ site, sent, kills }: Scene): Promise<string[]> {
  const status = await delegatedStatus(site);
  const { delegated_active, delegated_completed_total, delegated_failed_total, jobs } = status;
  const done = sent.filter(({ id }) => existsSync(site.queue('alpha', 'done', `${id}.md`))).length;
  const ended = delegated_completed_total + delegated_failed_total;
  return [
    ...(delegated_active === 0 && jobs.length === 0 ? [] : [`the status still lists ${JSON.stringify(jobs)}`]),
    ...(delegated_completed_total <= done ? [] : [`${delegated_completed_total} are counted as done, and ${done} are`]),
    ...(ended <= sent.length ? [] : [`${ended} ends are counted of ${sent.length} tasks`]),
    ...(kills.length > 0 || delegated_completed_total === done
      ? []
      : [`of ${done} only ${delegated_completed_total} are counted as done`]),
  ];
}

async function delegatedStatus(site: Site): Promise<DelegatedStatus> {
  const log = readFileSync(join(site.home, 'logs', 'runtime.log'), 'utf8');
  const url = [...log.matchAll(/"url":"(http:[^"]+)"/g)].at(-1)?.[1];
  const token = readFileSync(join(site.home, 'token'), 'utf8').trim();
  const answer = await fetch(new URL('/api/delegated/status', url), { headers: { authorization: `Bearer ${token}` } });
  return DelegatedStatus.parse(await answer.json());
}
