// npm run bench [start|enqueue|dispatch|scale [finished]|watches|day [tasks]|sessions [count]|delegation [jobs]|
// sinks [tasks]]: what the built program costs beside the plainest way to do the same. Without a name, those that take
// seconds.
import { cpus } from 'node:os';
import { day } from './day.mjs';
import { delegation } from './delegation.mjs';
import { dispatch } from './dispatch.mjs';
import { enqueue } from './enqueue.mjs';
import { scale } from './scale.mjs';
import { sessions } from './sessions.mjs';
import { sinks } from './sinks.mjs';
import { start } from './start.mjs';
import { watches } from './watches.mjs';

const QUICK = { start, enqueue, dispatch };
const ALL = { ...QUICK, scale, watches, day, sessions, delegation, sinks };

/** Names, each with a number behind it where it takes one. */
const wanted = [];
for (const word of process.argv.slice(2)) {
  if (/^\d+$/.test(word) && wanted.length > 0) wanted.at(-1).count = Number(word);
  else if (Object.hasOwn(ALL, word)) wanted.push({ name: word });
  else throw new Error(`there is no bench ${word}; there are ${Object.keys(ALL).join(', ')}`);
}

const rows = [];
for (const { name, count } of wanted.length > 0 ? wanted : Object.keys(QUICK).map((quick) => ({ name: quick }))) {
  process.stderr.write(`${name} …\n`);
  rows.push(...(await ALL[name](count)));
}
const table = [{ what: 'medians', ours: 'yardmaster', beside: 'beside', ratio: 'ratio', aim: 'aim' }, ...rows];
const width = (column) => Math.max(...table.map((row) => row[column].length));
for (const row of table) {
  const cells = Object.keys(row).map((column) => row[column].padEnd(width(column)));
  console.log(cells.join('  ').trimEnd());
}
console.log(`node ${process.versions.node}, ${cpus().length} cores`);
