import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import type { Pool } from '../../../../src/runtime/sessions/pool/pool.ts';
import type { PaneProgram, Tmux } from '../../../../src/runtime/terminals.ts';
import { paneOf, sh, sure, until } from '../../io/tmux/world.ts';
import { comes, poolWorld, SHOP } from './pool-world.ts';

const autonomous = (min: number, max: number) => ({ autonomous: { prefix: 'auto-', start_index: 1, min, max } });
const agent = (dir: string, script = 'exec sleep 1000'): PaneProgram => ({
  argv: sh(script),
  cwd: dir,
  env: {},
  facts: { task: 'fix-it', attempt: '1' },
});

describe('the pool at its start', () => {
  test('makes dedicated sessions and the least of the autonomous ones; the others are there for the asking', async () => {
    const { dir, seat, sessions, told, paneOf } = await poolWorld(
      { dedicated: [{ name: 'shop-main', project: 'shop' }], ...autonomous(1, 3) },
      {},
      { start: false },
    ).then(async (world) => {
      const { dir } = world;
      Object.assign(world.config, { projects: [{ name: 'shop', path: `${dir}/work`, weight: 1 }] });
      await world.pool.start();
      return world;
    });
    expect(await sessions()).toEqual(['auto-1', 'shop-main']);
    expect(seat('shop-main')).toMatchObject({ kind: 'dedicated', project: SHOP, cwd: `${dir}/work`, draining: false });
    expect(seat('auto-1')).toMatchObject({ kind: 'autonomous', agent: 'claude', presence: { kind: 'there' } });
    expect(seat('auto-3')).toMatchObject({ presence: { kind: 'absent' } });
    expect(await paneOf('shop-main')).toMatchObject({ facts: { name: 'shop-main', project: 'shop', state: 'idle' } });
    expect(told).toEqual(['created shop-main', 'created auto-1']);
  });

  test('finds what an earlier runtime made, and makes nothing twice', async () => {
    const { pool, restart, told, paneOf, live, dir } = await poolWorld(autonomous(2, 2));
    live.add('auto-2');
    const taken = sure(await pool.take('auto-2', agent(dir)));
    const [one, two] = [await paneOf('auto-1'), await paneOf('auto-2')];
    await restart();
    expect([await paneOf('auto-1'), await paneOf('auto-2')]).toMatchObject([
      { pid: one?.pid },
      { pid: taken.pid, facts: { task: 'fix-it', state: 'working' } },
    ]);
    expect(two?.pid).toBe(taken.pid);
    expect(told).toEqual(['created auto-1', 'created auto-2']);
  });

  test('without tmux says so in every seat, and notices when it is installed', async () => {
    const made = await poolWorld(autonomous(1, 1), {}, { start: false });
    const missing = made.port({ program: 'no-such-tmux' });
    const next = await made.restart(missing);
    expect(next.get('auto-1')).toMatchObject({
      presence: { kind: 'unknown', detail: expect.stringMatching(/was not found.*install tmux 3\.2/) },
    });
    expect(await next.take('auto-1', agent(made.dir))).toMatchObject({ code: 'unavailable' });
    expect(made.told).toEqual([]);
  });

  test('touches no tmux where no session is configured', async () => {
    let asked = 0;
    const { pool } = await poolWorld(
      {},
      {},
      {
        wrap: (tmux) =>
          instead(tmux, {
            sweep() {
              asked++;
              return tmux.sweep();
            },
          }),
      },
    );
    pool.look();
    await pool.stop();
    expect(asked).toBe(0);
    expect(pool.all()).toEqual([]);
  });
});

describe('a seat', () => {
  test('that is absent is made with the program in it', async () => {
    const { pool, dir, paneOf, told, seat } = await poolWorld(autonomous(0, 2));
    const taken = sure(await pool.take('auto-2', agent(dir)));
    expect(await paneOf('auto-2')).toMatchObject({
      ...taken,
      facts: { name: 'auto-2', task: 'fix-it', state: 'working' },
    });
    expect(seat('auto-2')).toMatchObject({ presence: { kind: 'there', pane: { pid: taken.pid } } });
    expect(told).toEqual(['created auto-2']);
  });

  test('goes from task to placeholder and to the next task', async () => {
    const { pool, dir, tmux, live, paneOf, told } = await poolWorld(autonomous(1, 1));
    live.add('auto-1');
    const first = sure(await pool.take('auto-1', agent(dir)));
    await pool.note('auto-1', { state: 'blocked', name: 'another' });
    expect(await paneOf('auto-1')).toMatchObject({ facts: { name: 'auto-1', state: 'blocked' } });
    await pool.vacate('auto-1');
    live.clear();
    expect(await paneOf('auto-1')).toMatchObject({ pane: first.pane, facts: { name: 'auto-1', state: 'idle' } });
    await until(async () => sure(await tmux.read(first.pane, { lines: 5 })).includes('waits for work'));
    const second = sure(await pool.take('auto-1', agent(dir)));
    expect(second.pid).not.toBe(first.pid);
    expect(told).toEqual(['created auto-1']);
  });

  test('whose agent has ended is the attempt’s until it is given back, and is told to it', async () => {
    const { pool, dir, live, news, seat, told } = await poolWorld(autonomous(1, 1));
    live.add('auto-1');
    const taken = sure(await pool.take('auto-1', agent(dir, 'read -r _')));
    process.kill(taken.pid, 'SIGKILL');
    await comes(() => news.some((one) => one.kind === 'ended' && one.seat === 'auto-1'));
    expect(seat('auto-1').presence).toMatchObject({ kind: 'dead', pane: { pid: taken.pid } });
    await pool.vacate('auto-1');
    live.clear();
    expect(seat('auto-1').presence).toMatchObject({ kind: 'there' });
    expect(told).toEqual(['created auto-1']);
  });

  test('in which an agent is done keeps it for a while, and longer while a person uses it', async () => {
    const { pool, dir, clock, used, seat } = await poolWorld({ ...autonomous(1, 1), linger: '10m' });
    const { pid } = sure(await pool.take('auto-1', agent(dir)));
    const runs = () => {
      const { presence } = seat('auto-1');
      return presence.kind === 'there' && presence.pane.pid === pid;
    };
    await look(pool);
    used.add('auto-1');
    await clock.advance(11 * 60_000);
    await look(pool);
    expect(runs()).toBe(true);
    used.clear();
    await look(pool);
    await clock.advance(9 * 60_000);
    await look(pool);
    expect(runs()).toBe(true);
    await clock.advance(2 * 60_000);
    await look(pool);
    expect(runs()).toBe(false);
    expect(seat('auto-1').presence).toMatchObject({ kind: 'there', pane: { facts: { state: 'idle' } } });
  });

  test('in which nothing can be started rests, and says until when', async () => {
    const { pool, clock, seat, told, details } = await poolWorld(autonomous(1, 1));
    pool.cool('auto-1', 'claude was not found');
    pool.cool('auto-1', 'claude was not found');
    expect(seat('auto-1').cooling).toEqual({ until: clock.now() + 300_000, reason: 'claude was not found' });
    await clock.advance(300_000);
    expect(seat('auto-1').cooling).toBeUndefined();
    expect(told).toEqual(['created auto-1', 'cooling auto-1']);
    expect(details[1]).toBe('claude was not found');
  });

  test('that ends at once again and again is left alone for a while', async () => {
    const { person, seat, told, clock } = await poolWorld(autonomous(2, 2)); // the other one keeps the server
    for (let n = 1; n <= 3; n++) {
      await person('kill-session', '-t', '=auto-1');
      await comes(() => told.filter((one) => one === 'closed auto-1').length === n);
      if (n < 3) await comes(() => told.filter((one) => one === 'recreated auto-1').length === n);
    }
    await comes(() => seat('auto-1').cooling !== undefined);
    expect(seat('auto-1')).toMatchObject({ presence: { kind: 'absent' }, cooling: { reason: /3 times in a row/ } });
    await clock.advance(301_000);
    await comes(() => seat('auto-1').presence.kind === 'there');
  });
});

describe('when things break', () => {
  test('the tmux server is killed: all sessions are made again', async () => {
    const { serverPid, told, sessions, news, pool, dir, live, clock } = await poolWorld(autonomous(2, 2));
    await look(pool); // the server is known
    await clock.advance(10_000);
    live.add('auto-2');
    sure(await pool.take('auto-2', agent(dir)));
    process.kill(await serverPid(), 'SIGKILL');
    await comes(() => told.includes('recreated auto-1'));
    expect(await sessions()).toEqual(['auto-1']); // the other one is for its attempt to give back
    expect(news).toContainEqual({ kind: 'ended', seat: 'auto-2' });
    live.clear();
    pool.look();
    await comes(() => told.includes('recreated auto-2'));
    expect(told.toSorted()).toEqual([
      ...['closed auto-1', 'closed auto-2', 'created auto-1', 'created auto-2', 'recreated auto-1', 'recreated auto-2'],
    ]);
  });

  test('the tmux server ends as soon as it begins: it is started in its time, not over and over', async () => {
    const { serverPid, told, seat, clock, pool } = await poolWorld(autonomous(1, 1));
    await look(pool); // no round is under way any more
    process.kill(await serverPid(), 'SIGKILL');
    await comes(() => seat('auto-1').presence.kind === 'absent');
    expect(told).toEqual(['created auto-1', 'closed auto-1']);
    await clock.advance(15_000);
    await comes(() => seat('auto-1').presence.kind === 'there');
  });

  test('the tmux server hangs: nothing is known, nothing is done, and nothing has changed when it goes on', async () => {
    const made = await poolWorld(autonomous(1, 1), {}, { start: false });
    const pool = await made.restart(made.port({ silenceMs: 700 }));
    const before = await made.paneOf('auto-1');
    const pid = await made.serverPid();
    process.kill(pid, 'SIGSTOP');
    try {
      pool.look();
      await comes(() => made.seat('auto-1').presence.kind === 'unknown');
      expect(await pool.take('auto-1', agent(made.dir))).toMatchObject({ code: 'unavailable' });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await comes(() => made.seat('auto-1').presence.kind === 'there');
    expect(await made.paneOf('auto-1')).toMatchObject({ pid: before?.pid });
    expect(made.told).toEqual(['created auto-1']);
  });

  test('an answer of tmux is lost: a look decides, and nothing is started twice', async () => {
    const { pool, dir, seat, told, paneOf } = await poolWorld(
      autonomous(0, 1),
      {},
      {
        wrap: (tmux) =>
          instead(tmux, {
            async create(order) {
              await tmux.create(order);
              return { unconfirmed: true, reason: 'its client was ended' };
            },
          }),
      },
    );
    expect(await pool.take('auto-1', agent(dir))).toMatchObject({ unconfirmed: true });
    expect(seat('auto-1').presence).toMatchObject({ kind: 'unknown', detail: /not confirmed/ });
    await look(pool);
    expect(seat('auto-1').presence).toMatchObject({ kind: 'there', pane: { facts: { task: 'fix-it' } } });
    expect((await paneOf('auto-1'))?.pid).toBe((seat('auto-1').presence as { pane: { pid: number } }).pane.pid);
    expect(told).toEqual(['created auto-1']);
  });

  test('the placeholder is ended: it comes again', async () => {
    const { paneOf, told, seat } = await poolWorld(autonomous(1, 1));
    const pane = await paneOf('auto-1');
    process.kill(pane?.pid ?? 0, 'SIGKILL');
    await comes(() => told.includes('recreated auto-1'));
    expect(seat('auto-1').presence).toMatchObject({ kind: 'there', pane: { pane: pane?.pane } });
    expect(told).toEqual(['created auto-1', 'died auto-1', 'recreated auto-1']);
  });

  test('the placeholder is ended, and tmux does not know yet how: that is told all the same', async () => {
    let hung_up = false;
    const { pool, told } = await poolWorld(
      autonomous(1, 1),
      {},
      {
        wrap: (tmux) =>
          instead(tmux, {
            async sweep() {
              const sweep = sure(await tmux.sweep());
              if (!hung_up) return sweep;
              hung_up = false;
              return { ...sweep, panes: sweep.panes.map((pane) => ({ ...pane, life: { kind: 'hung_up' as const } })) };
            },
          }),
      },
    );
    hung_up = true;
    await look(pool);
    expect(told).toEqual(['created auto-1', 'died auto-1', 'recreated auto-1']);
  });
});

describe('a person', () => {
  test('renames, splits and resizes a session: it is still that seat', async () => {
    const { person, pool, dir, told, seat, paneOf } = await poolWorld(autonomous(1, 2));
    await person('rename-session', '-t', '=auto-1', 'mine');
    await person('split-window', '-t', '=mine:', 'cat');
    await person('resize-window', '-t', '=mine:', '-x', '90', '-y', '20');
    await look(pool);
    expect(seat('auto-1').presence).toMatchObject({ kind: 'there', pane: { session: 'mine' } });
    const taken = sure(await pool.take('auto-1', agent(dir)));
    expect(await paneOf('auto-1')).toMatchObject({ ...taken, session: 'mine' });
    expect(told).toEqual(['created auto-1']);
  });

  test('names a session of his like a seat, or one of ours like another: it is foreign, and stays as it is', async () => {
    const { person, pool, dir, tmux, told, seat, details } = await poolWorld(autonomous(1, 3));
    await person('new-session', '-d', '-s', 'auto-2', 'cat');
    const his = await paneOf(tmux, 'auto-2');
    await person('rename-session', '-t', '=auto-1', 'auto-3');
    await look(pool);
    expect(seat('auto-2').presence).toMatchObject({ kind: 'foreign', detail: /did not make; it runs cat/ });
    expect(seat('auto-3').presence).toMatchObject({ kind: 'foreign', detail: /session of auto-1 was renamed/ });
    expect(await pool.take('auto-2', agent(dir))).toMatchObject({ code: 'id_taken', hint: /adopt auto-2/ });
    await pool.vacate('auto-2');
    await look(pool);
    expect(await paneOf(tmux, 'auto-2')).toEqual(his);
    expect(told).toEqual(['created auto-1', 'foreign auto-2', 'foreign auto-3']);
    expect(details[1]).toMatch(/did not make/);
  });

  test('starts something of his in the place of the placeholder: it goes on', async () => {
    const { person, pool, dir } = await poolWorld(autonomous(1, 1));
    await person('respawn-pane', '-k', '-t', '=auto-1:', 'sleep', '999');
    await look(pool);
    expect(await pool.take('auto-1', agent(dir))).toMatchObject({ code: 'busy', message: /^sleep runs in auto-1/ });
  });

  test('looks at a session: it is not closed under his eyes', async () => {
    const { pool, clock, live, env, dir, tmux, sessions } = await poolWorld({
      ...autonomous(0, 2),
      shrink_after: '10m',
      linger: '1s',
    });
    live.add('auto-2');
    sure(await pool.take('auto-2', agent(dir)));
    await pool.vacate('auto-2');
    live.clear();
    const command = tmux.attachCommand('auto-2').join(' ');
    const terminal = spawn('script', ['-qfc', command, '/dev/null'], { env: { ...env, TERM: 'xterm' }, stdio: 'pipe' });
    await until(async () => (await paneOf(tmux, 'auto-2')).attached === 1);
    await look(pool);
    await clock.advance(11 * 60_000);
    await look(pool);
    expect(await sessions()).toEqual(['auto-2']);
    terminal.stdin.end();
    terminal.kill('SIGKILL');
    await until(async () => (await paneOf(tmux, 'auto-2')).attached === 0);
    await look(pool);
    expect(await sessions()).toEqual([]);
  });
});

describe('a change of the configuration', () => {
  test('grows and shrinks the pool; a seat at work is closed when it is done', async () => {
    const { pool, configure, live, sessions, seat, told, dir, details } = await poolWorld(autonomous(1, 1));
    configure(autonomous(3, 3));
    await comes(() => told.length === 3);
    live.add('auto-3');
    sure(await pool.take('auto-3', agent(dir)));
    configure(autonomous(1, 1));
    await comes(() => told.includes('closed auto-2'));
    expect(await sessions()).toEqual(['auto-1', 'auto-3']);
    expect(seat('auto-3')).toMatchObject({ draining: true, presence: { kind: 'there' } });
    expect(await pool.take('auto-3', agent(dir))).toMatchObject({ code: 'not_found' });
    live.clear();
    await pool.vacate('auto-3');
    await comes(() => told.includes('closed auto-3'));
    expect(await sessions()).toEqual(['auto-1']);
    await look(pool);
    expect(pool.all().map(({ name }) => name)).toEqual(['auto-1']);
    expect(details.at(-1)).toBe('the configuration does not name it any more');
  });

  test('closes sessions beyond the least that were idle for long, the highest first', async () => {
    const { pool, clock, sessions, told, dir, live, details } = await poolWorld({
      ...autonomous(1, 3),
      shrink_after: '10m',
    });
    for (const name of ['auto-2', 'auto-3']) {
      live.add(name);
      sure(await pool.take(name, agent(dir)));
      await pool.vacate(name);
    }
    live.clear();
    await look(pool);
    await clock.advance(9 * 60_000);
    await look(pool);
    expect(await sessions()).toEqual(['auto-1', 'auto-2', 'auto-3']);
    await clock.advance(2 * 60_000);
    await look(pool);
    expect(told.slice(-2)).toEqual(['closed auto-2', 'closed auto-3']);
    expect(await sessions()).toEqual(['auto-1']);
    expect(details.at(-1)).toBe('it was idle');
    expect(pool.get('auto-3')?.presence).toEqual({ kind: 'absent' }); // there for the asking
  });
});

describe('adopting', () => {
  test('takes a person’s session over without ending what runs there; the seat works when that has ended', async () => {
    const { person, pool, dir, tmux, told, seat } = await poolWorld(autonomous(0, 1));
    await person('new-session', '-d', '-s', 'auto-1', 'sleep', '999');
    const his = await paneOf(tmux, 'auto-1');
    const adopted = await pool.adopt('auto-1');
    expect(adopted).toMatchObject({ kind: 'adopted', presence: { kind: 'there', pane: { pid: his.pid } } });
    expect(await pool.take('auto-1', agent(dir))).toMatchObject({ code: 'busy', message: /^sleep runs in auto-1/ });
    await look(pool);
    expect(await paneOf(tmux, 'auto-1')).toMatchObject({ pid: his.pid });
    expect(await pool.adopt('auto-1')).toMatchObject({ code: 'not_possible', message: /ours already/ });
    process.kill(his.pid, 'SIGKILL');
    await comes(() => told.includes('recreated auto-1'));
    expect(seat('auto-1')).toMatchObject({ kind: 'autonomous', presence: { kind: 'there' } });
    sure(await pool.take('auto-1', agent(dir)));
    expect(told).toEqual(['foreign auto-1', 'adopted auto-1', 'died auto-1', 'recreated auto-1']);
  });

  test('a shell at its prompt gives way to the next task', async () => {
    const { person, pool, dir, seat } = await poolWorld(autonomous(0, 1));
    await person('new-session', '-d', '-s', 'auto-1', 'sh');
    expect(await pool.adopt('auto-1')).toMatchObject({ kind: 'adopted' });
    sure(await pool.take('auto-1', agent(dir)));
    expect(seat('auto-1')).toMatchObject({ kind: 'autonomous' });
  });

  test('is refused where there is nothing to adopt, and says what is there', async () => {
    const { person, pool, port } = await poolWorld(autonomous(1, 4));
    expect(await pool.adopt('else')).toMatchObject({ code: 'not_found', hint: /auto-1, auto-2/ });
    expect(await pool.adopt('auto-1')).toMatchObject({ code: 'not_possible' });
    expect(await pool.adopt('auto-2')).toMatchObject({ code: 'not_found', message: /no tmux session auto-2/ });
    await person('new-session', '-d', '-s', 'auto-3', 'cat');
    await person('split-window', '-t', '=auto-3:', 'sleep', '999');
    expect(await pool.adopt('auto-3')).toMatchObject({ code: 'not_possible', message: /2 panes \(they run .*sleep/ });
    const other = port({ mark: 'bbbb2222' });
    sure(await other.create({ name: 'auto-4', cwd: '/', facts: {} }));
    expect(await pool.adopt('auto-4')).toMatchObject({ code: 'not_allowed', message: /another home/ });
  });
});

/** A round that began after this call is over: the first that is told may have begun before. */
async function look(pool: Pick<Pool, 'look' | 'subscribe'>): Promise<void> {
  await new Promise<void>((resolve) => {
    let rounds = 0;
    const stop = pool.subscribe(({ kind }) => {
      if (kind !== 'look') return;
      rounds++;
      if (rounds === 1) return pool.look();
      stop();
      resolve();
    });
    pool.look();
  });
}

function instead(tmux: Tmux, acts: Partial<Tmux>): Tmux {
  return new Proxy(tmux, {
    get(_, key: keyof Tmux) {
      return acts[key] ?? (tmux[key] as (...args: never[]) => unknown).bind(tmux);
    },
  });
}
