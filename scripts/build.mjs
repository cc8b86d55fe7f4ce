// Builds dist/ beside the old one and swaps, so that a running program never sees half of it.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const fresh = join(ROOT, `.build-${process.pid}`);
const old = join(ROOT, `.build-${process.pid}-old`);
const dist = join(ROOT, 'dist');

try {
  process.exitCode = build();
} finally {
  rmSync(fresh, { recursive: true, force: true });
  rmSync(old, { recursive: true, force: true });
}

function build() {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh];
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) return 1;
  // Scripts and pages lie beside the code that uses them.
  cpSync(join(ROOT, 'src'), fresh, { recursive: true, filter: (path) => !path.endsWith('.ts') });
  const main = join(fresh, 'main.js');
  if (existsSync(main)) chmodSync(main, 0o755);
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  return 0;
}
