import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sh, sure, until, world } from './world.ts';

/** A terminal program that asks for bracketed paste and writes down the bytes that it is given. */
const TAKES = 'stty raw -echo; printf "\\033[?2004hready"; exec cat > taken';

test('a text arrives byte for byte, in the brackets of one paste', async () => {
  const { dir, port: make } = await world();
  const port = make();
  const text = `/not a command; "quotes" 'more' \`id\` $(id) \\ #{pane_id} é ✓ 日本 👩‍👩‍👧\n\ttabbed ;\n`.repeat(500);
  const program = { argv: sh(TAKES), cwd: dir, env: {} };
  const made = sure(await port.create({ name: 'work', cwd: dir, facts: {}, program }));
  await until(async () => sure(await port.read(made.pane, { lines: 1 })) === 'ready');
  expect(await port.paste(made, text)).toBe('done');
  expect(await port.press(made, 'Enter')).toBe('done');
  const whole = `\u001b[200~${text.replaceAll('\n', '\r')}\u001b[201~\r`;
  await until(async () => (await readFile(join(dir, 'taken'))).length >= Buffer.byteLength(whole));
  expect(await readFile(join(dir, 'taken'), 'utf8')).toBe(whole);
});
