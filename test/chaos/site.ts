import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../support/world.ts';
import { type Talk, talk } from './client.ts';
import { Ledger } from './ledger.ts';

const built = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const agent = fileURLToPath(new URL('agent.sh', import.meta.url));
export const PROJECTS = ['alpha', 'beta'] as const;

export interface SiteOptions {
  /** The program to run; default: the one that was built. */
  readonly program?: string;
  /** Sections of the configuration that differ. */
  readonly config?: Record<string, unknown>;
  /** One that is there already. */
  readonly root?: string;
  /** Whether its runtimes listen for HTTP, on any free port. */
  readonly http?: boolean;
}

/** A home, two projects and a ledger: the whole product at work, to be killed as often as you like. */
export class Site {
  readonly root: string;
  readonly ledger: Ledger;
  readonly #program: string;
  readonly #http: boolean;
  readonly #talks: Talk[] = [];

  constructor({ program = built, config = {}, root, http = false }: SiteOptions = {}) {
    this.#http = http;
    this.#program = program;
    this.root = root ?? mkdtempSync(join(tmpdir(), 'ym-chaos-'));
    this.ledger = new Ledger(join(this.root, 'ledger'));
    if (root === undefined) this.#make(config);
  }

  #make(config: Record<string, unknown>): void {
    for (const name of PROJECTS) mkdirSync(join(this.root, name));
    mkdirSync(join(this.root, 'drops'));
    cpSync(agent, join(this.root, 'agent.sh'));
    writeFileSync(join(this.root, 'yardmaster.yaml'), JSON.stringify({ ...this.#config(), ...config })); // JSON is YAML
  }

  #config(): Record<string, unknown> {
    return {
      allowed_roots: [this.root],
      shutdown: { wait: 0 }, // a stop leaves what runs
      projects: PROJECTS.map((name) => ({ name, path: join(this.root, name), shared_checkout: name === 'alpha' })),
      dispatcher: { default_agent: 'fake', settle: '100ms', scan: '5s' },
      agents: { fake: { command: ['/bin/sh', join(this.root, 'agent.sh'), this.ledger.dir], max: 8 } },
      headless: { max_running: 8, grace: '1s' },
      retry: { backoff: '50ms', backoff_max: '200ms' },
    };
  }

  get home(): string {
    return join(this.root, 'home');
  }

  queue(project: string, ...below: string[]): string {
    return join(this.root, project, '.agent-queue', ...below);
  }

  /** One thread does all the file work of the runtime: its system calls come in the same order every time. */
  get env(): Record<string, string> {
    const { YARDMASTER_ATTEMPT_TOKEN: _, CLAUDE_CODE_SESSION_ID: __, ...env } = process.env;
    return {
      ...(env as Record<string, string>),
      YARDMASTER_HOME: this.home,
      YARDMASTER_CONFIG: join(this.root, 'yardmaster.yaml'),
      YARDMASTER_HTTP_ENABLED: String(this.#http),
      YARDMASTER_HTTP_PORT: '0',
      UV_THREADPOOL_SIZE: '1',
    };
  }

  async talk(): Promise<Talk> {
    const opened = await talk(this.#program, this.env);
    this.#talks.push(opened);
    return opened;
  }

  /** The process of the runtime, when one is there. */
  pid(): number | undefined {
    try {
      const { pid } = JSON.parse(readFileSync(join(this.home, 'runtime.lock'), 'utf8')) as { pid: number };
      return isAlive(pid) && environment(pid).includes(this.home) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whether there was one. */
  async kill(): Promise<boolean> {
    const pid = this.pid();
    if (pid === undefined) return false;
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid));
    return true;
  }

  get #supervisors(): number[] {
    return processes().filter((pid) => isSupervisor(pid) && environment(pid).includes(this.home));
  }

  hasSupervisor(): boolean {
    return this.#supervisors.length > 0;
  }

  /** Kills what supervises the runs: all of them are lost with it. */
  killSupervisors(): number {
    const pids = this.#supervisors;
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    return pids.length;
  }

  /** Processes of agents. */
  agents(): number[] {
    return processes().filter((pid) => environment(pid).includes(`YARDMASTER_RUN_DIR=${this.home}`));
  }

  async end(): Promise<void> {
    await Promise.all(this.#talks.map((one) => one.close().catch(() => undefined)));
    const ours = () => processes().filter((pid) => pid !== process.pid && environment(pid).includes(this.root));
    await until(() => {
      for (const pid of ours()) kill(pid);
      return ours().length === 0;
    });
    if (process.env.CHAOS_KEEP) process.stderr.write(`kept: ${this.root}\n`);
    else rmSync(this.root, { recursive: true, force: true });
  }
}

/** One that has ended by itself meanwhile is no failure. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function processes(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1);
}

function isSupervisor(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('processes/supervisor.js');
  } catch {
    return false;
  }
}

/** Empty for one that is gone, dead or somebody else's. */
function environment(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

/** A zombie runs no more. */
export function isAlive(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  try {
    return existsSync(path) && !/\) [ZX] /.test(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}
