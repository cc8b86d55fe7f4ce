import { tmux } from '../../src/runtime/io/tmux/tmux.ts';

/** A runtime with one session on the server whose socket is its first argument; says where it is, and runs until it is killed. */
const [path = '', dir = ''] = process.argv.slice(2);
const port = tmux({ mark: 'aaaa1111', spill: dir, env: process.env, socket: { path } });
const made = await port.create({ name: 'work', cwd: dir, facts: { task: 'a' } });
await port.sweep();
process.stdout.write(`${JSON.stringify(made)}\n`);
setInterval(() => {}, 1_000);
