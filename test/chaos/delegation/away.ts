import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Endpoint } from '../../fakes/job-service.ts';
import { until } from '../../support/world.ts';
import { check } from '../checker.ts';
import type { Talk } from '../client.ts';
import { ended, sceneOf } from '../random-kills.ts';
import { Site } from '../site.ts';
import { checkDelegations, type Expected } from './checker.ts';
import { Service } from './service.ts';

/** `keyed` makes one job of two submits with one key; `plain` makes two. */
export const PROVIDERS = ['keyed', 'plain'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

export interface Sent {
  readonly id: string;
  readonly body: string;
  readonly provider: ProviderName;
  readonly expected: Expected;
  /** Whether the service answers its submit in a way that leaves open if the job was made. */
  readonly doubtful: boolean;
}

export interface AwayOptions {
  readonly program?: string;
  /** Keys of every provider that differ. */
  readonly provider?: Record<string, unknown>;
}

/** A whole runtime that delegates to two services in processes of their own, which outlive it. */
export class Away {
  readonly site: Site;
  readonly services: Readonly<Record<ProviderName, Service>>;
  readonly sent: Sent[] = [];
  /** When a runtime was killed. */
  readonly kills: number[] = [];
  talk: Talk;

  private constructor(site: Site, services: Record<ProviderName, Service>, talk: Talk) {
    this.site = site;
    this.services = services;
    this.talk = talk;
  }

  static async open({ program, provider = {} }: AwayOptions = {}): Promise<Away> {
    const keyed = await Service.start({ statuses: ['processing', 'completed'] });
    const plain = await Service.start({ statuses: ['processing', 'completed'], honour_keys: false });
    const common = { kind: 'jobs', timeout: '1s', ...provider };
    const delegation = {
      interval: '100ms',
      breaker: { after: 5, pause: '1s' },
      providers: {
        keyed: { ...common, base_url: keyed.url, idempotent_submit: true },
        plain: { ...common, base_url: plain.url },
      },
    };
    const site = new Site({ http: true, ...(program !== undefined && { program }), config: { delegation } });
    const talk = await site.talk();
    await talk.ask('fleet_status');
    return new Away(site, { keyed, plain }, talk);
  }

  async send(provider: ProviderName, id: string, { expected = 'done', doubtful = false }: Partial<Sent> = {}) {
    const body = `Think of ${id}, long and hard.`;
    const { error } = await this.talk.ask('delegate', { project: 'alpha', title: id, body, provider });
    if (error) throw new Error(JSON.stringify(error));
    this.site.ledger.note({ did: 'enqueue', project: 'alpha', id, title: id });
    this.sent.push({ id, body, provider, expected, doubtful });
  }

  async cancel(id: string): Promise<void> {
    this.site.ledger.note({ did: 'ask to cancel', project: 'alpha', id });
    const { state } = await this.talk.ask('cancel_task', { project: 'alpha', id, reason: 'changed my mind' });
    this.site.ledger.note({ did: 'cancel', project: 'alpha', id, state: String(state) });
  }

  async kill(): Promise<void> {
    if (await this.site.kill()) this.kills.push(Date.now());
  }

  /** Until its service has heard this request of the task, so often. */
  async asked(provider: ProviderName, endpoint: Endpoint, id: string, times = 1): Promise<void> {
    await until(async () => {
      const { heard } = await this.services[provider].tell();
      return (
        heard.filter((one) => one.endpoint === endpoint && one.prompt.startsWith(`Task: ${id}.md\n`)).length >= times
      );
    }, 30_000);
  }

  /** What becomes of a task is known only now. */
  expect(id: string, expected: Expected): void {
    const at = this.sent.findIndex((sent) => sent.id === id);
    const sent = this.sent[at];
    if (sent) this.sent[at] = { ...sent, expected };
  }

  async state(id: string): Promise<string> {
    const { tasks } = await this.talk.ask('job_status', { project: 'alpha', id });
    return (tasks as { state: string }[])[0]?.state ?? 'unknown';
  }

  async jobsOf(provider: ProviderName, id: string) {
    const { jobs } = await this.services[provider].tell();
    return jobs.filter(({ prompt }) => prompt.includes(`Task: ${id}.md`));
  }

  marker(id: string): string {
    return this.site.queue('alpha', 'inbox', `${id}.md.delegated`);
  }

  /** Changes the configuration and waits until it is in force. */
  async configure(change: (config: Config) => void, inForce: (fleet: Fleet) => boolean): Promise<void> {
    const path = join(this.site.root, 'yardmaster.yaml');
    const config = JSON.parse(readFileSync(path, 'utf8')) as Config;
    change(config);
    writeFileSync(path, JSON.stringify(config));
    await until(async () => inForce((await this.talk.ask('fleet_status')) as unknown as Fleet), 20_000);
  }

  /** Everything that is wrong when all has ended. */
  async wrong(ms = 60_000): Promise<string[]> {
    await ended(this.talk, ms);
    const reports = { keyed: await this.services.keyed.tell(), plain: await this.services.plain.tell() };
    this.site.ledger.noteJobs([...reports.keyed.jobs, ...reports.plain.jobs]);
    return [
      ...(await check({ ...sceneOf(this.site), maxAttempts: 3 }, this.talk)),
      ...(await checkDelegations({ site: this.site, sent: this.sent, kills: this.kills, reports })),
    ];
  }

  async close(): Promise<void> {
    await this.site.end();
    await Promise.all([this.services.keyed.close(), this.services.plain.close()]);
  }
}

interface Config {
  local_only?: boolean;
  readonly delegation: { providers: Record<string, Record<string, unknown>> };
}

interface Fleet {
  readonly local_only?: boolean;
  readonly providers: readonly { readonly id: string }[];
}
