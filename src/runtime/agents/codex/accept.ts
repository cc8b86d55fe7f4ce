import { join } from 'node:path';
import { FileTooLarge, NotARegularFile } from '../../model/file-error.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';
import type { Files } from '../../ports.ts';
import type { SessionAgent } from '../agent.ts';
import { realPath, withParents } from '../real-path.ts';
import { configDir } from './places.ts';

/*
 * Nothing is written: what Codex 0.169.0 would ask at its first start in a folder, whether that is trusted, is said on its
 * command line (compose.ts), for that one process. Only a person's own no, in the configuration, is looked for: it stays.
 */

type Io = Parameters<SessionAgent['accept']>[0];
type Where = Parameters<SessionAgent['accept']>[1];

const MOST_BYTES = 16_777_216;

export async function accept({ files }: Pick<Io, 'files'>, where: Where): Promise<Refusal | undefined> {
  const dir = configDir(where);
  if ((await files.stat(dir))?.kind !== 'dir') return noAccount(dir, where);
  return refusedFolder(files, where);
}

/** What a person has said of this folder, or of one that it lies in, where that is a no. */
export async function refusedFolder(
  files: Files,
  where: { readonly config_dir?: string; readonly home: string; readonly cwd: string },
): Promise<Refusal | undefined> {
  const dir = configDir(where);
  const path = join(dir, 'config.toml');
  const cwd = await realPath(files, where.cwd);
  const refused = refusedFolders(await textOf(files, path));
  const folders = [...withParents(where.cwd), ...(cwd === undefined ? [] : withParents(cwd))];
  const folder = folders.find((one) => refused.has(one));
  if (folder === undefined) return undefined;
  return refuse(
    'not_possible',
    `${path} says that ${folder} is not trusted, so Codex is not started there`,
    `set trust_level = "trusted" below [projects."${folder}"], or leave the folder to another agent`,
  );
}

async function textOf(files: Files, path: string): Promise<string> {
  try {
    return Buffer.from((await files.read(path, MOST_BYTES)) ?? []).toString();
  } catch (error) {
    if (error instanceof NotARegularFile || error instanceof FileTooLarge) return ''; // Codex itself says what is wrong
    throw error;
  }
}

const HEADER = /^\s*\[\s*projects\s*\.\s*(?:"([^"]*)"|'([^']*)')\s*\]/;
const UNTRUSTED = /^\s*trust_level\s*=\s*(["'])untrusted\1/;

/** In the form in which Codex itself writes them. */
function refusedFolders(config: string): Set<string> {
  const refused = new Set<string>();
  let folder: string | undefined;
  for (const line of config.split('\n')) {
    const header = HEADER.exec(line);
    if (header || /^\s*\[/.test(line)) folder = header?.[1] ?? header?.[2];
    else if (folder !== undefined && UNTRUSTED.test(line)) refused.add(folder);
  }
  return refused;
}

function noAccount(dir: string, { config_dir }: Where): Refusal {
  const login = config_dir === undefined ? 'codex login' : `CODEX_HOME=${dir} codex login`;
  return refuse(
    'not_possible',
    `there is no folder ${dir}, so no account to work with`,
    `make it and log in there once: ${login}`,
  );
}
