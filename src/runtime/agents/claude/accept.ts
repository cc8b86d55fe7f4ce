import { dirname } from 'node:path';
import { errorCode, FileTooLarge, NotARegularFile } from '../../model/file-error.ts';
import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
import type { Files } from '../../ports.ts';
import type { SessionAgent } from '../agent.ts';
import { realPath, withParents } from '../real-path.ts';
import { whileLocked } from './locked.ts';
import { configFile } from './places.ts';

/*
 * 1. Only what Claude Code 2.1.329 would ask before its first prompt is set, and only where nobody has said anything yet:
 *    onboarding, trust of this folder, the use of a key that its environment has. All else stays as it is.
 * 2. The program writes this file too: its own lock is held meanwhile (locked.ts), and the file is read again right before
 *    it is replaced, and right after.
 * 3. A file that can't be understood is not written to.
 */

type Io = Parameters<SessionAgent['accept']>[0];
type Where = Parameters<SessionAgent['accept']>[1];
type Json = { readonly [key: string]: unknown };

const MOST_BYTES = 67_108_864;
const TRIES = 5;
const KEY_END = 20; // of a key, that many characters are kept

export async function accept({ files, clock }: Io, where: Where): Promise<Refusal | undefined> {
  const named = configFile(where);
  const path = await realPath(files, named);
  const cwd = await realPath(files, where.cwd);
  if (path === undefined) return refused(named, 'its symbolic links lead in a circle');
  if (cwd === undefined)
    return refuse('not_possible', `${where.cwd}: its symbolic links lead in a circle`, 'mend them');
  if ((await files.stat(dirname(path)))?.kind !== 'dir') return noAccount(path, where);
  if (await isAccepted(files, path, cwd, where)) return undefined; // nearly always: no lock is needed to see that
  return whileLocked({ files, clock }, path, () => settle(files, path, cwd, where));
}

async function isAccepted(files: Files, path: string, cwd: string, { api_key }: Where): Promise<boolean> {
  const read = await readConfig(files, path);
  return !isRefusal(read) && accepted(read.config, cwd, api_key) === read.config;
}

async function settle(files: Files, path: string, cwd: string, where: Where): Promise<Refusal | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const before = await readConfig(files, path);
    if (isRefusal(before)) return before;
    const after = accepted(before.config, cwd, where.api_key);
    if (after === before.config) return undefined;
    const problem = await write(files, path, before.text, formatted(after, before.text));
    if (problem) return problem;
  }
  return refused(path, 'somebody else keeps writing it');
}

interface Read {
  /** Undefined where there is no file. */
  readonly text: string | undefined;
  readonly config: Json;
}

async function readConfig(files: Files, path: string): Promise<Read | Refusal> {
  const text = await readText(files, path);
  if (text === undefined || isRefusal(text)) return text ?? { text: undefined, config: {} };
  const config = parsed(text);
  return isObject(config) ? { text, config } : refused(path, 'it is not a JSON object');
}

async function readText(files: Files, path: string): Promise<string | undefined | Refusal> {
  try {
    const bytes = await files.read(path, MOST_BYTES);
    return bytes && Buffer.from(bytes).toString('utf8');
  } catch (error) {
    if (error instanceof NotARegularFile || error instanceof FileTooLarge) return refused(path, error.message);
    return unreachable(path, error);
  }
}

/** Invariant 2: nothing happens where it is not what it was; the next round sees what came of it. */
async function write(
  files: Files,
  path: string,
  before: string | undefined,
  after: string,
): Promise<Refusal | undefined> {
  const bytes = Buffer.from(after);
  try {
    if (before === undefined) await files.create(path, bytes);
    else if ((await readText(files, path)) === before) await files.replace(path, bytes, 'same_mode');
    return undefined;
  } catch (error) {
    return unreachable(path, error);
  }
}

// ── what is accepted ────────────────────────────────────────────────────────

/** The very same object where nothing is left to accept. */
function accepted(config: Json, cwd: string, key: string | undefined): Json {
  const changes = { ...onboarding(config), ...trust(config, cwd), ...(key && useOf(config, key)) };
  return Object.keys(changes).length === 0 ? config : { ...config, ...changes };
}

function onboarding(config: Json): Json {
  return config.hasCompletedOnboarding === true ? {} : { hasCompletedOnboarding: true };
}

/** The program itself writes `false` for a folder that was never asked about; what lies in a trusted one is trusted. */
function trust(config: Json, cwd: string): Json {
  const projects = isObject(config.projects) ? config.projects : {};
  const isTrusted = (folder: string) => objectAt(projects, folder).hasTrustDialogAccepted === true;
  if (withParents(cwd).some(isTrusted)) return {};
  return { projects: { ...projects, [cwd]: { ...objectAt(projects, cwd), hasTrustDialogAccepted: true } } };
}

/** A key that the person has refused stays refused. */
function useOf(config: Json, key: string): Json {
  const responses = objectAt(config, 'customApiKeyResponses');
  const [approved, rejected] = [listAt(responses, 'approved'), listAt(responses, 'rejected')];
  const end = key.slice(-KEY_END);
  if (approved.includes(end) || rejected.includes(end)) return {};
  return { customApiKeyResponses: { ...responses, approved: [...approved, end], rejected } };
}

// ── JSON ────────────────────────────────────────────────────────────────────

/** Indented as it was; the program's own way is two blanks. */
function formatted(config: Json, before: string | undefined): string {
  const indent = /^\{\r?\n([ \t]+)"/.exec(before ?? '')?.[1] ?? (before?.includes('\n') === false ? '' : '  ');
  return JSON.stringify(config, null, indent) + (before?.endsWith('\n') ? '\n' : '');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectAt(config: Json, key: string): Json {
  const value = Object.hasOwn(config, key) ? config[key] : undefined;
  return isObject(value) ? value : {};
}

function listAt(config: Json, key: string): readonly unknown[] {
  const value = config[key];
  return Array.isArray(value) ? value : [];
}

// ── refusals ────────────────────────────────────────────────────────────────

function refused(path: string, reason: string): Refusal {
  return refuse(
    'not_possible',
    `Claude Code's ${path} can't be prepared for work in this folder: ${reason}. It was left as it is.`,
    'start claude once in the folder, answer what it asks, and try again',
  );
}

/** The system says no: a full disk, a file of somebody else's. Anything else is a mistake of ours. */
function unreachable(path: string, error: unknown): Refusal {
  const code = errorCode(error);
  if (code === undefined) throw error;
  return refused(path, `it can't be read and written (${code})`);
}

function noAccount(path: string, { config_dir }: Where): Refusal {
  const dir = config_dir ?? dirname(path);
  return refuse(
    'not_possible',
    `there is no folder ${dir}, so no account to work with`,
    `log in there once: CLAUDE_CONFIG_DIR=${dir} claude`,
  );
}
