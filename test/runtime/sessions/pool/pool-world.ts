import { realpath } from 'node:fs/promises';
import { afterEach } from 'vitest';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';
import { Config } from '../../../../src/runtime/model/config.ts';
import type { Project, ToldEvent } from '../../../../src/runtime/model/event.ts';
import { ProjectId } from '../../../../src/runtime/model/ids.ts';
import { Pool, type PoolParts } from '../../../../src/runtime/sessions/pool/pool.ts';
import type { Seat, SeatNews } from '../../../../src/runtime/sessions/seats.ts';
import type { PaneView, Tmux } from '../../../../src/runtime/terminals.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';
import { sure, until, type World, world } from '../../io/tmux/world.ts';

export const SHOP = ProjectId.parse('p_000000000001');

export interface PoolWorld extends World {
  readonly tmux: ReturnType<World['port']>;
  readonly pool: Pool;
  readonly clock: VirtualClock;
  readonly live: Set<string>;
  readonly used: Set<string>;
  readonly news: SeatNews[];
  /** `created auto-1`, in the order in which it was recorded. */
  readonly told: string[];
  readonly details: string[];
  config: Config;
  /** As after a change of the file. */
  configure(config: object): void;
  /** The pane of a seat, as tmux sees it now. */
  paneOf(seat: string): Promise<PaneView | undefined>;
  seat(name: string): Seat;
  /** The next runtime of the same home. */
  restart(tmux?: Tmux): Promise<Pool>;
  sessions(): Promise<string[]>;
}

const pools: Pool[] = [];

// Before the tmux servers end, which is asked for by a hook that was set earlier.
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.stop();
});

/** A pool over a tmux server of its own. Its time stands still: what is mended is mended by news, not by mere waiting. */
export async function poolWorld(
  pool: object,
  more: object = {},
  parts: Partial<PoolParts> & { wrap?: (tmux: Tmux) => Tmux; start?: boolean } = {},
): Promise<PoolWorld> {
  const made = await world();
  const { dir } = made;
  const tmux = made.port();
  const parse = (given: object) => Config.parse({ ...more, pool: given });
  const state = { config: parse(pool) };
  const live = new Set<string>();
  const used = new Set<string>();
  const told: string[] = [];
  const details: string[] = [];
  const news: SeatNews[] = [];
  const projects: Project[] = [{ id: SHOP, path: `${dir}/work`, name: 'shop', adopted_at: 0 }];
  const clock = new VirtualClock();
  let latest: Pool;
  const open = (port: Tmux) => {
    const pool = new Pool({
      ...{ tmux: port, mark: 'aaaa1111', clock, files: new DiskFiles({ file: 0o600, dir: 0o700 }), userHome: dir },
      config: {
        get pool() {
          return state.config.pool;
        },
        get projects() {
          return state.config.projects;
        },
        get dispatcher() {
          return state.config.dispatcher;
        },
        get lifecycle() {
          return state.config.lifecycle;
        },
      },
      projects: () => projects,
      real: (path) => realpath(path).catch(() => undefined),
      live: () => live,
      inUse: (seat) => used.has(seat),
      record(event: ToldEvent) {
        if (event.type !== 'session_changed') throw new Error(`not expected: ${event.type}`);
        told.push(`${event.what} ${event.session}`);
        details.push(event.detail ?? '');
      },
      changed: () => {},
      report: (problem) => {
        throw problem;
      },
      ...parts,
    });
    pool.subscribe((one) => news.push(one));
    pools.push(pool);
    latest = pool;
    return pool;
  };
  const wrap = parts.wrap ?? ((port) => port);
  const result: PoolWorld = {
    ...made,
    ...{ clock, tmux, live, used, told, details, news },
    pool: open(wrap(tmux)),
    get config() {
      return state.config;
    },
    configure(given) {
      state.config = parse(given);
      latest.configured();
    },
    async paneOf(seat) {
      const { panes } = sure(await tmux.sweep());
      return panes.find((pane) => pane.home === 'aaaa1111' && pane.facts.name === seat);
    },
    seat(name) {
      const seat = latest.get(name);
      if (!seat) throw new Error(`no seat ${name}`);
      return seat;
    },
    async restart(port = made.port()) {
      await latest.stop();
      const next = open(port);
      await next.start();
      return next;
    },
    async sessions() {
      const { panes } = sure(await tmux.sweep());
      return [...new Set(panes.map((pane) => pane.session))].sort();
    },
  };
  if (parts.start !== false) await result.pool.start();
  return result;
}

/** Waits until the pool itself says so. */
export async function comes(what: () => boolean): Promise<void> {
  await until(async () => what());
}
