import { join } from 'node:path';

/* Where Claude Code 2.1.329 keeps things. */

export interface Account {
  readonly config_dir?: string;
  readonly home: string;
}

export function configDir({ config_dir, home }: Account): string {
  return config_dir ?? join(home, '.claude');
}

/** Beside the default directory, but inside one that was named. */
export function configFile({ config_dir, home }: Account): string {
  return join(config_dir ?? home, '.claude.json');
}

export function sessionsDir(account: Account): string {
  return join(configDir(account), 'sessions');
}

export function transcriptFile(where: Account & { readonly cwd: string; readonly conversation: string }): string {
  return join(configDir(where), 'projects', folderOf(where.cwd), `${where.conversation}.jsonl`);
}

const LONGEST = 200;

function folderOf(cwd: string): string {
  const name = cwd.replace(/[^a-zA-Z0-9]/g, '-');
  return name.length <= LONGEST ? name : `${name.slice(0, LONGEST)}-${sumOf(cwd)}`;
}

/** Tells long names apart that begin alike. */
function sumOf(text: string): string {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum = (Math.imul(sum, 31) + text.charCodeAt(at)) | 0;
  return Math.abs(sum).toString(36);
}
