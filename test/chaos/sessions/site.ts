import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAlive, Site } from '../site.ts';

const agent = fileURLToPath(new URL('../../fakes/agent/claude.mjs', import.meta.url));
export const SEATS = 3;
/** The runtime, its bridges, the supervisor of its runs, and what waits for news of tmux. */
const PRODUCT = /dist\/(?:main|runtime\/io\/processes\/supervisor)\.js|yardmaster-wait/;

/** A process of this site, by what the kernel says of it. */
interface Process {
  readonly pid: number;
  readonly name: string;
  readonly command: string;
}

/** The whole product at work with agents in terminals: a tmux server of its own, an account of its own. */
export class SessionSite extends Site {
  constructor() {
    super({
      config: {
        dispatcher: { settle: '100ms', scan: '5s', cooldown: '1s' },
        agents: { claude: { program: [process.execPath, agent], permission_mode: 'acceptEdits' } },
        pool: { autonomous: { prefix: 'chaos-', min: 1, max: SEATS } },
        tmux: { socket: 'chaos' },
        lifecycle: { interval: '1s' },
        retry: { max_attempts: 20, backoff: '50ms', backoff_max: '200ms' },
      },
    });
    mkdirSync(join(this.#account, '.claude'), { recursive: true });
  }

  get #account(): string {
    return join(this.root, 'user');
  }

  override get env(): Record<string, string> {
    return { ...super.env, HOME: this.#account, TMUX_TMPDIR: this.root, IS_SANDBOX: '1' };
  }

  override agents(): number[] {
    return this.#processes()
      .filter(({ command }) => command.includes(agent))
      .map(({ pid }) => pid);
  }

  /** Those in the middle of a turn, as they say themselves. */
  working(): number[] {
    return this.agents().filter((pid) => {
      try {
        const said = readFileSync(join(this.#account, '.claude', 'sessions', `${pid}.json`), 'utf8');
        return said.includes('"status":"busy"');
      } catch {
        return false;
      }
    });
  }

  servers(): number[] {
    return this.#named('tmux: server');
  }

  /** What is neither the product, nor tmux, nor a program that a pane holds. */
  strays(): string[] {
    const servers = new Set(this.servers());
    const ours = new Set([...servers, ...this.#named('tmux: client'), process.pid]);
    return this.#processes()
      .filter(({ pid }) => !ours.has(pid) && !servers.has(parentOf(pid)))
      .filter(({ command }) => !PRODUCT.test(command))
      .map(({ pid, command }) => `${pid} ${command}`);
  }

  left(): string[] {
    return this.#processes().map(({ pid, command }) => `${pid} ${command}`);
  }

  #named(wanted: string): number[] {
    return this.#processes()
      .filter(({ name }) => name === wanted)
      .map(({ pid }) => pid);
  }

  #processes(): Process[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 1 && pid !== process.pid && isAlive(pid))
      .flatMap((pid) => {
        try {
          const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'latin1');
          if (!read('environ').includes(this.root)) return [];
          return [{ pid, name: read('comm').trim(), command: read('cmdline').replaceAll('\0', ' ') }];
        } catch {
          return []; // it has just ended
        }
      });
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1]);
  } catch {
    return 0;
  }
}
