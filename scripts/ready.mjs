// Makes a checkout ready to use: installs what the lock file names and, with --build, builds what is out of date.
// Plain Node without packages, because it runs before any are there.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...names) => join(ROOT, ...names);

requireNode();
if (!installed()) install();
if (process.argv.includes('--build') && !built()) run('building', process.execPath, [at('scripts', 'build.mjs')]);

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(
    `Yardmaster needs Node 20.19 or newer; this is ${process.versions.node}. Install a newer one: https://nodejs.org`,
  );
}

/** True when node_modules holds the versions that the lock file names. Times say nothing: a checkout renews them. */
function installed() {
  const wanted = packagesOf(at('package-lock.json'));
  const present = packagesOf(at('node_modules', '.package-lock.json'));
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || present[path]?.version === version || (optional && present[path] === undefined),
  );
}

function packagesOf(lockFile) {
  if (!existsSync(lockFile)) return {};
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages ?? {};
}

function install() {
  // npm ci empties the folder first: never through a link into somebody else's.
  const link = lstatSync(at('node_modules'), { throwIfNoEntry: false })?.isSymbolicLink();
  if (link)
    fail(
      'node_modules is a link to an install that does not match package-lock.json; install there, or remove the link.',
    );
  const args = ['--no-audit', '--no-fund'];
  const ci = run('installing packages (npm ci)', 'npm', ['ci', ...args], { mayFail: true });
  if (ci !== 0) run('npm ci failed; trying npm install', 'npm', ['install', ...args]);
}

function built() {
  const product = statSync(at('dist', 'main.js'), { throwIfNoEntry: false });
  if (product === undefined) return false;
  const sources = [at('package.json'), at('tsconfig.json'), at('tsconfig.build.json'), ...filesIn(at('src'))];
  return sources.every((path) => statSync(path).mtimeMs <= product.mtimeMs);
}

function filesIn(dir) {
  // The folders count too: a file that was removed renews only its folder.
  const entries = readdirSync(dir, { withFileTypes: true });
  return [
    dir,
    ...entries.flatMap((entry) => (entry.isDirectory() ? filesIn(join(dir, entry.name)) : [join(dir, entry.name)])),
  ];
}

function run(what, command, args, { mayFail = false } = {}) {
  console.error(`yardmaster: ${what} …`);
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0 && !mayFail) fail(`${what}: ${error?.message ?? `ended with ${status}`}`);
  return status;
}

function fail(message) {
  console.error(`yardmaster: ${message}`);
  process.exit(1);
}
