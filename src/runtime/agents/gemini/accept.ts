import { dirname, join } from 'node:path';
import { errorCode, FileTooLarge, NotARegularFile } from '../../model/file-error.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';
import type { Files } from '../../ports.ts';
import type { SessionAgent } from '../agent.ts';
import { realPath, withParents } from '../real-path.ts';
import { configDir } from './places.ts';

const MOST_BYTES = 4_194_304;

/**
 * Nothing has to be written: a run is trusted by its own command line. That would also overrule a person who has said
 * that a folder is not to be trusted, so what they have said is read first. The rule of the longest path counts.
 */
export const accept: SessionAgent['accept'] = async ({ files }, where) => {
  const path = join(configDir(where), 'trustedFolders.json');
  const rules = await readRules(files, path);
  if (typeof rules === 'string') return refused(path, rules);
  const cwd = (await realPath(files, where.cwd)) ?? where.cwd;
  const rule = withParents(cwd)
    .map((folder) => ruleFor(rules, folder))
    .find((found) => found !== undefined);
  return rule === 'DO_NOT_TRUST' ? refused(path, `it says that ${cwd} is not to be trusted`) : undefined;
};

type Rules = Readonly<Record<string, unknown>>;

/** A rule may also have been made for a folder in it ("trust the parent"). */
function ruleFor(rules: Rules, folder: string): unknown {
  if (Object.hasOwn(rules, folder)) return rules[folder];
  return Object.entries(rules).find(([of, rule]) => rule === 'TRUST_PARENT' && dirname(of) === folder)?.[1];
}

async function readRules(files: Files, path: string): Promise<Rules | string> {
  try {
    const bytes = await files.read(path, MOST_BYTES);
    if (bytes === undefined) return {};
    const rules: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const isObject = typeof rules === 'object' && rules !== null && !Array.isArray(rules);
    return isObject ? (rules as Rules) : 'it is not a JSON object';
  } catch (error) {
    if (error instanceof SyntaxError) return 'it is not JSON';
    if (error instanceof NotARegularFile || error instanceof FileTooLarge) return error.message;
    const code = errorCode(error);
    if (code === undefined) throw error;
    return `it can't be read (${code})`;
  }
}

function refused(path: string, reason: string): Refusal {
  return refuse(
    'not_possible',
    `Gemini CLI is not started in this folder. ${path}: ${reason}. It was left as it is.`,
    'start gemini once in the folder, say /permissions there if you trust it, and try again',
  );
}
