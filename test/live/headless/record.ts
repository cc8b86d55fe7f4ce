import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What a run has left. */
export interface Recorded {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
  readonly signal?: string;
}

const fixtures = fileURLToPath(new URL('../../fixtures/streams/', import.meta.url));
const WANTED = process.env.RECORD_STREAMS === '1';

/** Keeps it among the fixtures, without the paths and ports of this machine, when that is asked for. */
export function record(program: string, name: string, { stdout, stderr, ...end }: Recorded, root: string): void {
  if (!WANTED) return;
  mkdirSync(`${fixtures}${program}`, { recursive: true });
  const scrub = (text: string) => scrubbed(text, root);
  writeFileSync(`${fixtures}${program}/${name}.jsonl`, scrub(stdout));
  writeFileSync(
    `${fixtures}${program}/${name}.end.json`,
    `${JSON.stringify({ ...end, stderr: scrub(stderr) }, null, 2)}\n`,
  );
}

function scrubbed(text: string, root: string): string {
  return text
    .replaceAll(root, '/home/someone')
    .replace(/(?:file:\/\/)?\/[^\s"']*\/node_modules\/\.cache\/[^\s"']*?\/node_modules\//g, '/usr/lib/node_modules/')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:4000')
    .replace(/(?:\n {4}at .*)+/g, '\n    at …');
}
