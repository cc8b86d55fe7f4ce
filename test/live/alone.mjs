// Runs a program in a network of its own where nothing is but loopback: `alone.mjs 8787=/path/to.sock … -- program …`.
// Each port in there leads to a Unix socket, which networks do not divide. Started by `unshare -n`.
import { spawn, spawnSync } from 'node:child_process';
import { connect, createServer } from 'node:net';

const cut = process.argv.indexOf('--');
const ports = process.argv.slice(2, cut).map((one) => one.split('='));
const [program, ...args] = process.argv.slice(cut + 1);

spawnSync('ip', ['link', 'set', 'lo', 'up']);
for (const [port, path] of ports) {
  const server = createServer((inner) => {
    const outer = connect(path);
    inner.on('error', () => outer.destroy());
    outer.on('error', () => inner.destroy());
    inner.pipe(outer).pipe(inner);
  });
  await new Promise((resolve) => server.listen(Number(port), '127.0.0.1', resolve));
}
const child = spawn(program, args, { stdio: 'inherit' });
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal));
child.on('close', (code) => process.exit(code ?? 1));
