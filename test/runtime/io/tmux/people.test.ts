import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { heard, of, paneOf, sh, sure, until, world } from './world.ts';

/* A person works on the same server: splits, renames, scrolls, attaches, kills, and has sessions and hooks of his own. */

describe('a person', () => {
  test('renames, splits and resizes a session: it is still ours, and told', async () => {
    const { dir, person, port: make } = await world();
    const port = make();
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: { task: 'a' } }));
    await heard(port, of('connected'));
    await paneOf(port, made);

    await person('rename-session', '-t', '=work', 'mine');
    expect(await heard(port, of('renamed'))).toMatchObject({
      from: 'work',
      pane: { pane: made.pane, session: 'mine' },
    });
    await person('split-window', '-t', '=mine:', 'cat');
    await person('resize-window', '-t', '=mine:', '-x', '90', '-y', '20');
    await person('new-window', '-t', '=mine:', '-n', 'notes', 'cat');
    expect(await paneOf(port, made)).toMatchObject({ session: 'mine', width: 90, facts: { task: 'a' } });
    const others = sure(await port.sweep()).panes.filter((pane) => pane.pane !== made.pane);
    expect(others.map((pane) => [pane.home, pane.facts])).toEqual([
      [undefined, {}],
      [undefined, {}],
    ]);

    expect(await port.note(made, { task: 'b' })).toBe('done');
    expect(await port.kill(made)).toBe('done'); // what he has opened stays
    expect(await person('list-panes', '-s', '-t', '=mine', '-F', '#{pane_id}')).toBe(
      others.map((pane) => pane.pane).join('\n'),
    );
  });

  test('scrolls: nothing is typed into copy mode, and it can be left', async () => {
    const { dir, person, port: make } = await world();
    const port = make();
    const program = { argv: sh('exec cat'), cwd: dir, env: {} };
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {}, program }));
    await person('copy-mode', '-t', '=work:');
    expect(await paneOf(port, made)).toMatchObject({ in_mode: true });
    expect(await port.paste(made, 'hello')).toMatchObject({ code: 'busy' });
    expect(await port.press(made, 'Enter')).toMatchObject({ code: 'busy' });
    expect(await person('list-buffers')).toBe('');
    expect(await port.leaveMode(made)).toBe('done');
    expect(await port.leaveMode(made)).toBe('done');
    expect(await port.paste(made, 'hello')).toBe('done');
    expect(await port.press(made, 'Enter')).toBe('done');
    await until(async () => sure(await port.read(made.pane, { lines: 5 })) === 'hello\nhello');
    expect(await person('list-buffers')).toBe('');
  });

  test('attaches with the command that is given to him, and is seen', async () => {
    const { dir, env, port: make } = await world();
    const port = make();
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    sure(await port.create({ name: 'work-2', cwd: dir, facts: {} }));
    const command = port.attachCommand('work').join(' ');
    const terminal = spawn('script', ['-qfc', command, '/dev/null'], { env: { ...env, TERM: 'xterm' }, stdio: 'pipe' });
    await until(async () => (await paneOf(port, made)).attached === 1);
    expect(await paneOf(port, 'work-2')).toMatchObject({ attached: 0 });
    terminal.stdin.end();
    terminal.kill('SIGKILL');
    await until(async () => (await paneOf(port, made)).attached === 0);
  });

  test('closes a session of ours: it is told at once', async () => {
    const { dir, person, port: make } = await world();
    const port = make();
    sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    sure(await port.create({ name: 'rest', cwd: dir, facts: {} }));
    await heard(port, of('connected'));
    await until(async () => (await person('show-hooks', '-g', 'session-closed')).includes('yardmaster-aaaa1111'));
    await paneOf(port, 'work');
    await person('kill-session', '-t', '=work');
    expect((await heard(port, of('closed'))).pane.session).toBe('work');
  });

  test('keeps his hooks, and none of them starts a program of ours again', async () => {
    const { dir, person, port: make } = await world();
    await person('new-session', '-d', '-s', 'his', 'cat');
    await person('set-hook', '-g', 'pane-died', 'respawn-pane');
    await person('set-hook', '-g', 'session-closed', 'set-option -g @closed yes');
    await person('set-option', '-t', '=his:', 'destroy-unattached', 'off');
    await person('set-option', '-g', 'destroy-unattached', 'on');
    await person('set-hook', '-g', 'session-closed[1000]', 'set-option -g @other yes');
    await person('set-hook', '-g', 'after-new-session', 'split-window -h cat');
    const port = make();
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    const running = sure(
      await port.respawn(made, { argv: sh('echo once >> ran; exit 3'), cwd: dir, env: {}, facts: {} }),
    );
    await heard(port, of('died'));
    await until(async () => (await person('show-hooks', '-g', 'session-closed')).includes('yardmaster-aaaa1111'));
    expect(await paneOf(port, running)).toMatchObject({ pid: running.pid, life: { kind: 'dead', status: 3 } });
    expect(await readFile(join(dir, 'ran'), 'utf8')).toBe('once\n');

    await port.close();
    const hooks = await person('show-hooks', '-g');
    expect(await person('show-hooks', '-gw', 'pane-died')).toContain('pane-died[0] respawn-pane');
    expect(hooks).toContain('session-closed[1000] set-option -g @other yes');
    expect(hooks).not.toContain('yardmaster');
    expect(await person('list-sessions', '-F', '#{session_name}')).toBe('his\nwork');
  });

  test('has sessions that are never written to, until one is adopted', async () => {
    const { dir, person, port: make } = await world();
    await person('new-session', '-d', '-s', 'his', 'cat');
    const [port, other] = [make(), make({ mark: 'bbbb2222' })];
    const { pane, pid } = await paneOf(port, 'his');
    const his = { pane, pid };
    const program = { argv: sh('touch taken'), cwd: dir, env: {}, facts: {} };
    for (const refused of [
      port.kill(his),
      port.paste(his, 'x'),
      port.press(his, 'Enter'),
      port.leaveMode(his),
      port.note(his, { task: 'x' }),
      port.respawn(his, program),
    ]) {
      expect(await refused).toMatchObject({ code: 'not_allowed' });
    }
    expect(await port.adopt(his, { project: 'shop' })).toBe('done');
    expect(await port.adopt(his, {})).toMatchObject({ code: 'id_taken' });
    expect(await other.adopt(his, {})).toMatchObject({ code: 'not_allowed' });
    expect(await other.kill(his)).toMatchObject({ code: 'not_allowed' });
    expect(await port.paste(his, 'x')).toBe('done');
    expect(await paneOf(port, 'his')).toMatchObject({ home: 'aaaa1111', facts: { project: 'shop' } });
    expect(existsSync(join(dir, 'taken'))).toBe(false);
  });

  test('starts something else in our pane: what was meant for the old program is refused', async () => {
    const { dir, person, port: make } = await world();
    const port = make();
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    await person('respawn-pane', '-k', '-t', '=work:', 'exec', 'cat');
    for (const refused of [port.kill(made), port.paste(made, 'x'), port.press(made, 'C-c'), port.note(made, {})]) {
      expect(await refused).toMatchObject({ code: 'stale' });
    }
    expect(await port.read('%99', { lines: 1 })).toMatchObject({ code: 'not_found' });
    expect(await port.kill({ pane: '%99', pid: 1 })).toMatchObject({ code: 'not_found' });
  });

  test('has a configuration with errors: what tmux shows about them is not left over our session', async () => {
    const { dir, port: make } = await world();
    await writeFile(
      join(dir, '.tmux.conf'),
      'set -g no-such-option yes\nset -g base-index 3\nsetw -g pane-base-index 2\n',
    );
    const port = make();
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: { task: 'a' } }));
    expect(await paneOf(port, made)).toMatchObject({ in_mode: false, facts: { task: 'a' } });
    expect(await port.press(made, 'Enter')).toBe('done');
  });
});
