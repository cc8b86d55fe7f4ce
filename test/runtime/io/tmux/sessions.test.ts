import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { heard, of, paneOf, sh, sure, until, world } from './world.ts';

describe('a session', () => {
  test('is made with a placeholder, gets a program with its facts, and shows its end', async () => {
    const { port, dir, person } = await world().then((made) => ({ ...made, port: made.port() }));
    const cwd = join(dir, 'work');
    expect(sure(await port.sweep())).toEqual({ server: undefined, panes: [] });

    const waiting = sure(await port.create({ name: 'shop-main', cwd, facts: { project: 'shop', state: 'idle' } }));
    expect(await paneOf(port, 'shop-main')).toMatchObject({
      ...waiting,
      home: 'aaaa1111',
      life: { kind: 'live' },
      facts: { project: 'shop', state: 'idle' },
      width: 200,
      height: 50,
      attached: 0,
      in_mode: false,
    });
    await until(async () => sure(await port.read(waiting.pane, { lines: 5 })).includes('waits for work'));

    const program = sh('echo "$PWD $TOKEN $1"; read -r _; exit 7', 'a  b $(id) #{pane_id} ;');
    const running = sure(
      await port.respawn(waiting, {
        argv: program,
        cwd,
        env: { TOKEN: 't;"$x' },
        facts: { task: 'fix-it', attempt: '2' },
      }),
    );
    expect(running.pane).toBe(waiting.pane);
    const shown = `${cwd} t;"$x a  b $(id) #{pane_id} ;`;
    await until(async () => sure(await port.read(running.pane, { lines: 50 })).includes(shown));
    expect(await port.press(running, 'Enter')).toBe('done');
    const { pane } = await heard(port, of('died'));
    expect(pane).toMatchObject({
      ...running,
      life: { kind: 'dead', status: 7 },
      facts: { task: 'fix-it', attempt: '2' },
    });
    expect(pane.facts).toEqual({ task: 'fix-it', attempt: '2' });
    expect(sure(await port.read(pane.pane, { lines: 50 }))).toContain(shown);
    expect(await person('show-environment', '-t', '=shop-main:')).not.toContain('TOKEN');

    expect(await port.kill(running)).toBe('done');
    expect((await heard(port, of('closed'))).pane.pane).toBe(pane.pane);
  });
});
