import { join } from 'node:path';

/* Where Gemini CLI 0.61.0 keeps things. An account is the folder in which it has its `.gemini`: GEMINI_CLI_HOME. */

export interface Account {
  readonly config_dir?: string;
  readonly home: string;
}

export function configDir({ config_dir, home }: Account): string {
  return join(config_dir ?? home, '.gemini');
}

/** Everything that it writes on its own. */
export function tempDir(account: Account): string {
  return join(configDir(account), 'tmp');
}

/**
 * The real name holds the minute of its start and a name that the program gave the project: only its hooks tell it. Until
 * they do, this is a file that is never there.
 */
export function transcriptFile(where: Account & { readonly conversation: string }): string {
  return join(tempDir(where), 'not-told-yet', `${where.conversation}.jsonl`);
}
