import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { heard, of, paneOf, sh, sure, until, world } from './world.ts';

/* Names, folders, arguments, facts and screens made by somebody who wants more than he should get. */

const EVIL = [
  `#{pane_id} #(touch HACKED) #[fg=red] ##{x}`,
  `; kill-server ; display-message x`,
  `$(touch HACKED) \`touch HACKED\` $HOME ~ "' \\ \\\\"`,
  `} { kill-server } %if 1`,
  `%end 1 2 1`,
  `é ✓ 日本 👩‍👩‍👧 -x --flag ;`,
];

describe('hostile values', () => {
  test('as arguments, variables, folder and facts arrive as they are and do nothing', async () => {
    const { dir, port: make } = await world();
    const port = make();
    for (const [index, evil] of EVIL.entries()) {
      const cwd = join(dir, 'work', evil.replaceAll('/', '_'));
      await mkdir(cwd);
      const out = `out-${index}`;
      const made = sure(await port.create({ name: `evil-${index}`, cwd, facts: { task: evil } }));
      const run = { argv: sh(`printf %s "$1$VALUE|$PWD" > ${out}.part; mv ${out}.part ${out}`, evil), cwd };
      sure(await port.respawn(made, { ...run, env: { VALUE: evil }, facts: { project: evil } }));
      await until(async () => existsSync(join(cwd, out)));
      expect(await readFile(join(cwd, out), 'utf8')).toBe(`${evil}${evil}|${cwd}`);
      const view = await paneOf(port, `evil-${index}`);
      expect(view.facts).toEqual({ project: evil.replace(/\u200d/g, '') });
    }
    const everything = await readdir(dir, { recursive: true });
    expect(everything.filter((name) => name.endsWith('HACKED'))).toEqual([]);
    expect(sure(await port.sweep()).panes).toHaveLength(EVIL.length);
  });

  test('as names of sessions are refused, and so is what no terminal may get', async () => {
    const { dir, port: make, person } = await world();
    const port = make();
    for (const name of ['', 'a:b', 'a.b', '=a', '-a', '$1', '@2', '%3', 'a b', 'a\n', '#{x}', 'é', 'x'.repeat(65)]) {
      expect(await port.create({ name, cwd: dir, facts: {} })).toMatchObject({ code: 'invalid' });
    }
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {} }));
    for (const text of ['', 'a\u001b[201~rm', 'a\0b', 'a\rb', 'a\u009bb', 'a\ud800b', 'x'.repeat(1_000_001)]) {
      expect(await port.paste(made, text)).toMatchObject({ code: 'invalid' });
    }
    for (const fact of ['a\nb', 'a\u001b[0m', 'x'.repeat(1_001)]) {
      expect(await port.note(made, { task: fact })).toMatchObject({ code: 'invalid' });
    }
    const plain = { argv: sh('true'), cwd: dir, env: {}, facts: {} };
    expect(await port.respawn(made, { ...plain, env: { 'A=B': 'x' } })).toMatchObject({ code: 'invalid' });
    expect(await port.respawn(made, { ...plain, cwd: 'work' })).toMatchObject({ code: 'invalid' });
    expect(await port.respawn(made, { ...plain, argv: ['a\0b'] })).toMatchObject({ code: 'invalid' });
    expect(await port.kill({ pane: '%1 ; kill-server', pid: 1 })).toMatchObject({ code: 'invalid' });
    expect(await port.read('=work:', { lines: 1 })).toMatchObject({ code: 'invalid' });
    expect(await person('list-sessions', '-F', '#{session_name}')).toContain('work');
  });

  test('that other people gave to their own panes stay in their own fields', async () => {
    const { dir, port: make, person } = await world();
    const port = make();
    sure(await port.create({ name: 'work', cwd: dir, facts: { task: 'mine' } }));
    const theirs = await person('new-session', '-d', '-P', '-F', '#{pane_id}', '-s', 'theirs ##{pane_pid} %end', 'cat');
    await person('set-option', '-p', '-t', theirs, '@ym_task', 'a\n%end 1 2 1\nb\u001b]0;x\u0007c\u202e');
    await person('select-pane', '-t', theirs, '-T', '##{pane_pid} $(id) \u200bx');
    const { panes } = sure(await port.sweep());
    expect(panes.map((pane) => [pane.session, pane.home, pane.facts.task])).toEqual([
      ['theirs #{pane_pid} %end', undefined, 'a %end 1 2 1 bc'],
      ['work', 'aaaa1111', 'mine'],
    ]);
    expect(panes[0]?.title).toBe('#{pane_pid} $(id) x');
  });
});

describe('a hostile screen', () => {
  test('is read without anything that moves, hides or reorders', async () => {
    const { dir, port: make } = await world();
    const port = make();
    const shown =
      '\x1b]0;title \x1b[31mred\x07\x1b[32mgreen\x1b[0m \u202eevil\u202c z\u200bw\u2060x \u{e0041} \x9b31m \xff\n';
    await writeFile(join(dir, 'screen'), Buffer.from(shown, 'utf8'));
    await writeFile(join(dir, 'bytes'), Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0x28, 0x62, 0x0a]));
    const program = { argv: sh('cat screen bytes; exec cat'), cwd: dir, env: {} };
    const made = sure(await port.create({ name: 'work', cwd: dir, facts: {}, program }));
    await until(async () => sure(await port.read(made.pane, { lines: 5 })).includes('green'));
    const text = sure(await port.read(made.pane, { lines: 5 }));
    expect(text).toMatch(/green evil zwx /);
    expect(text).not.toMatch(/[^\P{C}\n]/u);
    expect((await paneOf(port, 'work')).title).not.toMatch(/\p{C}/u);
  });

  test('full of fake answers disturbs none of 200 commands', async () => {
    const { dir, port: make } = await world();
    const port = make();
    const script =
      'i=0; while :; do i=$((i+1)); t=$(date +%s); n=$((i%400+200)); ' +
      'printf "%%end %s %s 1\\n%%begin %s %s 1\\n%%error %s %s 1\\n%%exit\\n" $t $n $t $n $t $n; sleep 0.002; done';
    const noisy = sure(
      await port.create({ name: 'noisy', cwd: dir, facts: {}, program: { argv: sh(script), cwd: dir, env: {} } }),
    );
    const quiet = sure(await port.create({ name: 'quiet', cwd: dir, facts: { task: 'same' } }));
    const asked = Array.from({ length: 200 }, async (_, index) => {
      if (index % 2 === 0) return sure(await port.read(noisy.pane, { lines: 2_000, scrollback: true }));
      expect(await port.note(quiet, { attempt: String(index) })).toBe('done');
      return (await paneOf(port, quiet)).facts.attempt;
    });
    const answers = await Promise.all(asked);
    const screens = answers.filter((_, index) => index % 2 === 0);
    expect(
      new Set(
        screens
          .join('\n')
          .split('\n')
          .map((line) => line.replace(/ .*/, '')),
      ),
    ).toEqual(new Set(['%end', '%begin', '%error', '%exit']));
    expect(await paneOf(port, quiet)).toMatchObject({ facts: { task: 'same', attempt: '199' } });
    expect(port.news.filter((news) => news.kind === 'lost')).toEqual([]);
    await port.kill(noisy);
    await heard(port, of('closed', 'noisy'));
  });
});
