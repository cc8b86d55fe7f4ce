import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Surroundings } from '../sealed.ts';

/** In a prompt: the trust in the folder is forgotten just before the agent starts, as another of its processes might do. */
export const FORGET = 'Forget the trust first.';

/** Under the lock that the agent itself takes. */
const SCRIPT = `
const { mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } = require('node:fs');
const file = process.env.HOME + '/.claude.json';
const pause = new Int32Array(new SharedArrayBuffer(4));
for (;;) {
  try { mkdirSync(file + '.lock'); break; } catch { Atomics.wait(pause, 0, 0, 20); }
}
const said = JSON.parse(readFileSync(file, 'utf8'));
delete said.projects[process.cwd()].hasTrustDialogAccepted;
writeFileSync(file + '.' + process.pid, JSON.stringify(said));
renameSync(file + '.' + process.pid, file);
rmdirSync(file + '.lock');
`;

/** The agent as a program that forgets where it is told to. */
export function forgetful(claude: string, { world }: Pick<Surroundings, 'world'>): string[] {
  const script = join(world.bin, 'forget.cjs');
  const program = join(world.bin, 'forgetful');
  writeFileSync(script, SCRIPT);
  const forget = `case "$*" in *'${FORGET}'*) '${process.execPath}' '${script}' ;; esac`;
  writeFileSync(program, `#!/bin/sh\n${forget}\nexec '${claude}' "$@"\n`);
  chmodSync(program, 0o755);
  return [program];
}
