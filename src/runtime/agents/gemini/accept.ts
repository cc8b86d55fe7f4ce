import { dirname, join } from 'node:path';
import { errorCode, FileTooLarge, NotARegularFile } from '../../model/file-error.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';
import type { Files } from '../../ports.ts';
import type { SessionAgent } from '../agent.ts';
import { realPath, withParents } from '../real-path.ts';
import { missingHooks } from './hooks.ts';
import { configDir } from './places.ts';

const MOST_BYTES = 4_194_304;

/**
 * Nothing is written. A run is trusted by its own command line; that would also overrule a person who has said that a
 * folder is not to be trusted, so what they have said is read first. The rule of the longest path counts. Without our
 * hooks in the person's settings nothing would be heard of the run: then it is not begun.
 */
export const accept: SessionAgent['accept'] = async ({ files }, where) => {
  const settings = join(configDir(where), 'settings.json');
  const text = await readText(files, settings);
  if (text !== undefined && typeof text !== 'string') return refused(settings, text.problem);
  const missing = missingHooks(text ?? '');
  if (missing.length > 0) return withoutHooks(settings, missing);
  return refusedFolder(files, where);
};

/** What a person has said of this folder, where that is a no. */
export async function refusedFolder(
  files: Files,
  where: { readonly config_dir?: string; readonly home: string; readonly cwd: string },
): Promise<Refusal | undefined> {
  const path = join(configDir(where), 'trustedFolders.json');
  const rules = await readRules(files, path);
  if (typeof rules === 'string') return refused(path, rules);
  const cwd = (await realPath(files, where.cwd)) ?? where.cwd;
  const rule = withParents(cwd)
    .map((folder) => ruleFor(rules, folder))
    .find((found) => found !== undefined);
  return rule === 'DO_NOT_TRUST' ? refused(path, `it says that ${cwd} is not to be trusted`) : undefined;
}

type Rules = Readonly<Record<string, unknown>>;

/** A rule may also have been made for a folder in it ("trust the parent"). */
function ruleFor(rules: Rules, folder: string): unknown {
  if (Object.hasOwn(rules, folder)) return rules[folder];
  return Object.entries(rules).find(([of, rule]) => rule === 'TRUST_PARENT' && dirname(of) === folder)?.[1];
}

async function readRules(files: Files, path: string): Promise<Rules | string> {
  const text = await readText(files, path);
  if (text === undefined) return {};
  if (typeof text !== 'string') return text.problem;
  try {
    const rules: unknown = JSON.parse(text);
    const isObject = typeof rules === 'object' && rules !== null && !Array.isArray(rules);
    return isObject ? (rules as Rules) : 'it is not a JSON object';
  } catch {
    return 'it is not JSON';
  }
}

async function readText(files: Files, path: string): Promise<string | undefined | { readonly problem: string }> {
  try {
    const bytes = await files.read(path, MOST_BYTES);
    return bytes && Buffer.from(bytes).toString('utf8');
  } catch (error) {
    if (error instanceof NotARegularFile || error instanceof FileTooLarge) return { problem: error.message };
    const code = errorCode(error);
    if (code === undefined) throw error;
    return { problem: `it can't be read (${code})` };
  }
}

function withoutHooks(path: string, missing: readonly string[]): Refusal {
  return refuse(
    'not_possible',
    `Gemini CLI can't work in a session: ${path} has no yardmaster hooks for ${missing.join(', ')}. Nothing was changed.`,
    'put the hooks there that the README shows under "Gemini CLI in sessions"; they do nothing in your own runs',
  );
}

function refused(path: string, reason: string): Refusal {
  return refuse(
    'not_possible',
    `Gemini CLI is not started in this folder. ${path}: ${reason}. It was left as it is.`,
    'start gemini once in the folder, say /permissions there if you trust it, and try again',
  );
}
