import { execFile, spawn } from 'node:child_process';
import { readdir, readFile, readlink, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { TmuxNews } from '../../../../src/runtime/terminals.ts';
import { heard, of, paneOf, sh, sure, until, world } from './world.ts';

const run = promisify(execFile);
const HOLDER = fileURLToPath(new URL('../../../../dist/for-tests/test/support/tmux-holder.js', import.meta.url));

const isGone = (news: TmuxNews): news is TmuxNews => news.kind === 'lost' && news.gone;

describe('a server', () => {
  test('that is killed is told as gone, with its panes, and the next session starts another', async () => {
    const { dir, port: make, serverPid } = await world();
    const port = make();
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    await heard(port, of('connected'));
    await paneOf(port, made);
    process.kill(await serverPid(), 'SIGKILL');
    expect(await heard(port, isGone)).toMatchObject({ gone: true });
    expect((await heard(port, of('closed'))).pane).toMatchObject({ pane: made.pane });
    expect(sure(await port.sweep())).toEqual({ server: undefined, panes: [] });
    expect(await port.kill(made)).toMatchObject({ code: 'not_found' });
    sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    await until(async () => port.news.filter((news) => news.kind === 'connected').length === 2);
  });

  test('that hangs is not taken for dead; what was sent to it is unconfirmed, and does not happen later', async () => {
    const { dir, port: make, serverPid } = await world();
    const port = make({ silenceMs: 1_000 });
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: { task: 'a' } }));
    await heard(port, of('connected'));
    const pid = await serverPid();
    process.kill(pid, 'SIGSTOP');
    try {
      const noted = await port.note(made, { task: 'b' });
      expect(noted).toMatchObject({ unconfirmed: true });
      expect(await heard(port, of('lost'))).toMatchObject({ gone: false });
      expect(await port.sweep()).toMatchObject({ code: 'unavailable' });
      expect(await port.paste(made, 'x')).toMatchObject({ code: 'unavailable' });
      expect(port.news.filter((news) => news.kind === 'closed')).toEqual([]);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until(async () => port.news.filter((news) => news.kind === 'connected').length === 2);
    expect(await paneOf(port, made)).toMatchObject({ ...made, facts: { task: 'a' } }); // nothing happens behind our back
  });

  test('whose socket is gone is not dead, and none is started beside it', async () => {
    const { dir, port: make, serverPid, socket } = await world();
    const port = make();
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    await heard(port, of('connected'));
    const pid = await serverPid();
    await rename(socket, `${socket}.away`);
    const refused = await port.create({ name: 'second', cwd: dir, facts: {} });
    expect(refused).toMatchObject({ code: 'unavailable', hint: expect.stringContaining(`kill -USR1 ${pid}`) });
    expect(await port.sweep()).toMatchObject({ code: 'unavailable' });
    expect(port.news.filter((news) => news.kind === 'lost')).toMatchObject([{ gone: false }]);
    process.kill(pid, 'SIGUSR1');
    await until(async () => port.news.filter((news) => news.kind === 'connected').length === 2);
    expect(await paneOf(port, made)).toMatchObject(made);
    await rm(`${socket}.away`);
  });

  test('in whose place another one answers is not dead while its process runs', async () => {
    const { dir, port: make, person, serverPid, socket, env } = await world();
    const port = make();
    sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    await heard(port, of('connected'));
    await port.sweep();
    const old = await serverPid();
    await run('tmux', ['-S', `${socket}.his`, '-f', '/dev/null', 'new-session', '-d', '-s', 'his', 'cat'], { env });
    await rename(`${socket}.his`, socket); // at no moment is there none
    expect(sure(await port.sweep()).panes.map((pane) => pane.session)).toEqual(['his']);
    expect(await heard(port, of('lost'))).toMatchObject({ gone: false, reason: expect.stringContaining(`${old}`) });
    process.kill(old, 'SIGKILL');
    const made = sure(await port.create({ name: 'next', cwd: dir, facts: {} }));
    await port.sweep();
    await person('respawn-pane', '-k', '-t', '=next:', 'exit 4');
    expect((await heard(port, of('died'))).pane).toMatchObject({ pane: made.pane, life: { status: 4 } });
  });

  test('that we start has neither our secrets nor our descriptors nor our session, and outlives us', async () => {
    const { dir, port: make, serverPid } = await world();
    const port = make();
    sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    const pid = await serverPid();
    expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('SECRET_TOKEN');
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('work\0');
    const { stdout } = await run('ps', ['-o', 'sid=,ppid=,pgid=', '-p', String(pid)]);
    const [sid, parent, group] = stdout.trim().split(/\s+/).map(Number);
    expect([sid, group]).toEqual([pid, pid]);
    expect(parent).not.toBe(process.pid);
    const open = await readdir(`/proc/${pid}/fd`);
    const targets = await Promise.all(open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    expect(targets.filter((target) => target.startsWith('/') && !target.startsWith('/dev/'))).toEqual([]);
    await port.close();
    expect(await serverPid()).toBe(pid);
  });

  test('keeps no process of a runtime that was killed, and no news get lost on the next one', async () => {
    const { dir, port: make, socket, env, person } = await world();
    const runtime = spawn(process.execPath, [HOLDER, socket, dir], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await runtime.stdout.take(1).toArray()) as Buffer[];
    const made = JSON.parse(String(line));
    const waiters = async () =>
      (await run('ps', ['-eo', 'args'])).stdout
        .split('\n')
        .filter((args) => args.includes(socket) && args.includes('wait-for'));
    await until(async () => (await waiters()).length > 0);
    runtime.kill('SIGKILL');
    await until(async () => (await waiters()).length === 0);

    await person('respawn-pane', '-k', '-t', '=work:', 'exit 5');
    const port = make();
    expect(sure(await port.sweep()).server).toBeDefined();
    const { pane } = await heard(port, of('died'));
    expect(pane).toMatchObject({ pane: made.pane, life: { kind: 'dead', status: 5 }, facts: { task: 'a' } });
    await until(async () => (await person('show-hooks', '-g', 'session-closed')).split('yardmaster-').length === 2);
  });

  test('gives fifty sessions, and every death is heard once', async () => {
    const { dir, port: make } = await world();
    const port = make();
    const argv = sh('read -r line; exit 9');
    const made = [];
    for (let index = 0; index < 50; index++) {
      made.push(
        sure(await port.create({ name: `s-${index}`, cwd: dir, facts: {}, program: { argv, cwd: dir, env: {} } })),
      );
    }
    await Promise.all(made.map((target) => port.press(target, 'Enter')));
    await until(async () => port.news.filter((news) => news.kind === 'died').length >= 50);
    await port.sweep();
    const died = port.news.flatMap((news) => (news.kind === 'died' ? [news.pane] : []));
    expect(died.map((pane) => pane.pane).sort()).toEqual(made.map(({ pane }) => pane).sort());
    expect(died.every(({ life }) => life.kind === 'dead' && life.status === 9)).toBe(true);
  }, 120_000);
});

describe('a program', () => {
  test('that closes its terminal and lives on is hung up, not dead; a signal is told as one', async () => {
    const { dir, port: make } = await world();
    const port = make();
    const quiet = { argv: sh('trap "" HUP; exec >/dev/null 2>&1 </dev/null; sleep 30 & wait'), cwd: dir, env: {} };
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {}, program: quiet }));
    await until(async () => (await paneOf(port, made)).life.kind === 'hung_up');
    expect(port.news.filter((news) => news.kind === 'died')).toEqual([]);
    process.kill(made.pid, 'SIGKILL');
    expect((await heard(port, of('died'))).pane.life).toMatchObject({
      kind: 'dead',
      signal: expect.stringMatching(/9|KILL/),
    });
    const left = (await run('ps', ['-eo', 'pid,args'])).stdout.split('\n').find((args) => / sleep 30$/.test(args));
    if (left !== undefined) process.kill(Number(left.trim().split(' ')[0]), 'SIGKILL');
  });

  test('that ends at once is heard each time, even where tmux misses the signal', async () => {
    const { dir, port: make } = await world();
    const port = make();
    const quick = { argv: sh('exit 3'), cwd: dir, env: {}, facts: {} };
    let target = sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    for (let count = 1; count <= 30; count++) {
      target = sure(await port.respawn(target, quick));
      await until(async () => port.news.filter((news) => news.kind === 'died').length === count);
    }
  }, 90_000);

  test('starts in its folder or not at all', async () => {
    const { dir, port: make } = await world();
    const port = make();
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    const away = { argv: sh('touch ran'), cwd: join(dir, 'missing'), env: {}, facts: {} };
    sure(await port.respawn(made, away));
    expect((await heard(port, of('died'))).pane.life).toEqual({ kind: 'dead', status: 126 });
    const found = await readdir(dir, { recursive: true });
    expect(found.filter((name) => name.endsWith('ran'))).toEqual([]);
  });

  test('gets 100 KB of arguments through a file that is gone afterwards; more is refused', async () => {
    const { dir, port: make } = await world();
    const port = make();
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    const long = `it's "long" $(id) \\ é\n;`.repeat(4_000);
    const argv = sh('printf %s "$1$2" > got.part && mv got.part got', long, "'");
    sure(await port.respawn(made, { argv, cwd: dir, env: { A: 'b' }, facts: {} }));
    await heard(port, of('died'));
    expect(await readFile(join(dir, 'got'), 'utf8')).toBe(`${long}'`);
    expect(await readdir(join(dir, 'spill'))).toEqual([]);
    const more = { argv: sh('true', 'x'.repeat(120_000)), cwd: dir, env: {}, facts: {} };
    expect(await port.respawn(made, more)).toMatchObject({ code: 'invalid', hint: expect.stringContaining('file') });
    const heavy = { argv: sh('true'), cwd: dir, env: { A: 'x'.repeat(13_000) }, facts: {} };
    expect(await port.respawn(made, heavy)).toMatchObject({ code: 'invalid' });
  });

  test('of one word is no shell command', async () => {
    const { dir, port: make } = await world();
    const port = make();
    const program = { argv: ['touch hacked'] as [string], cwd: dir, env: {} };
    sure(await port.create({ name: 'work', cwd: dir, facts: {}, program }));
    expect((await heard(port, of('died'))).pane.life).toEqual({ kind: 'dead', status: 127 });
    expect((await readdir(dir)).includes('hacked')).toBe(false);
  });
});

describe('a session', () => {
  test('of a name that exists is refused, and the other is left alone', async () => {
    const { dir, port: make, person } = await world();
    await person('new-session', '-d', '-s', 'work', 'cat');
    const port = make();
    expect(await port.create({ name: 'work', cwd: dir, facts: {} })).toMatchObject({ code: 'id_taken' });
    sure(await port.create({ name: 'wor', cwd: dir, facts: {} }));
    expect((await paneOf(port, 'work')).home).toBeUndefined();
    expect((await paneOf(port, 'wor')).home).toBe('aaaa1111');
  });
});
