// npm run bench [start|enqueue|dispatch]: what the built program costs beside the plainest way to do the same.
import { cpus } from 'node:os';
import { dispatch } from './dispatch.mjs';
import { enqueue } from './enqueue.mjs';
import { start } from './start.mjs';

const ALL = { start, enqueue, dispatch };
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !Object.hasOwn(ALL, name));
if (unknown !== undefined) throw new Error(`there is no bench ${unknown}; there are ${Object.keys(ALL).join(', ')}`);

const rows = [];
for (const [name, bench] of Object.entries(ALL)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  rows.push(...(await bench()));
}
const table = [{ what: 'medians', ours: 'yardmaster', beside: 'beside', ratio: 'ratio', aim: 'aim' }, ...rows];
const width = (column) => Math.max(...table.map((row) => row[column].length));
for (const row of table) {
  const cells = Object.keys(row).map((column) => row[column].padEnd(width(column)));
  console.log(cells.join('  ').trimEnd());
}
console.log(`node ${process.versions.node}, ${cpus().length} cores`);
