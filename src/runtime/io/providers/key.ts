import { readFile } from 'node:fs/promises';

export interface KeySource {
  readonly key_env?: string | undefined;
  readonly key_file?: string | undefined;
}

export type Key = { readonly found: true; readonly key?: string } | { readonly found: false; readonly reason: string };

/**
 * The API key, read again for every request: it can be changed without a restart, and nothing keeps it.
 * The reason names where it was looked for, never what was there.
 */
export async function readKey(source: KeySource, env: NodeJS.ProcessEnv): Promise<Key> {
  if (source.key_env !== undefined) return usable(env[source.key_env], `the environment variable ${source.key_env}`);
  if (source.key_file === undefined) return { found: true };
  const where = `the key file ${source.key_file}`;
  try {
    return usable(await readFile(source.key_file, 'utf8'), where);
  } catch (error) {
    return { found: false, reason: `${where} can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})` };
  }
}

function usable(given: string | undefined, where: string): Key {
  const key = given?.trim();
  if (!key) return { found: false, reason: `${where} holds no API key` };
  if (!/^[\x21-\x7e]+$/.test(key)) return { found: false, reason: `${where} holds something that is not an API key` };
  return { found: true, key };
}
