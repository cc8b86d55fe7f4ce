import { readFile, stat } from 'node:fs/promises';
import { loadConfig } from '../../runtime/config/load.ts';
import type { ProviderConfig } from '../../runtime/model/provider.ts';
import { isRefusal } from '../../runtime/model/refusal.ts';
import { addressOf } from '../../runtime/policy/provider-address.ts';
import type { Cli } from '../cli.ts';
import { sourcesOf } from '../commands/config.ts';
import { type Finding, note, ok } from './check.ts';

const NAME = 'provider';
const PATIENCE_MS = 5_000;
/** No service has a job of this name: asking for it costs nothing, and tells whether the key is taken. */
const NO_JOB = 'yardmaster-doctor';

/** Each configured provider: its address, its key, and whether it answers. Nothing is submitted. */
export async function providers(cli: Cli): Promise<Finding[]> {
  const { config } = await loadConfig(sourcesOf(cli));
  if (config === undefined) return [];
  const { delegation, local_only } = config;
  return Promise.all(Object.entries(delegation.providers).map(([id, one]) => examine(cli, id, one, local_only)));
}

async function examine(cli: Cli, id: string, config: ProviderConfig, localOnly: boolean): Promise<Finding> {
  const base = addressOf(id, config.base_url);
  if (isRefusal(base)) return note(NAME, base.message, base.hint);
  const key = await keyOf(config, cli.around.env);
  if ('problem' in key) return note(NAME, `${id}: ${key.problem}`, key.hint);
  if (localOnly) return ok(NAME, `${id} is not asked: local_only`);
  if (key.text !== undefined && base.protocol === 'http:' && !isHere(base))
    return note(NAME, `${id}: its key would go to ${base.host} unencrypted`, 'Use an https address.');
  return ask(id, base, config, key.text);
}

type KeyFound = { readonly text?: string } | { readonly problem: string; readonly hint: string };

async function keyOf({ key_env, key_file }: ProviderConfig, env: NodeJS.ProcessEnv): Promise<KeyFound> {
  if (key_env !== undefined) {
    const text = env[key_env]?.trim();
    const hint = 'The runtime needs it in its environment: set it and restart, or use key_file.';
    return text ? { text } : { problem: `${key_env}, its key, is not set here`, hint };
  }
  if (key_file === undefined) return {};
  try {
    const text = (await readFile(key_file, 'utf8')).trim();
    if (text === '')
      return { problem: `its key file ${key_file} is empty`, hint: 'Put the key there; no restart is needed.' };
    if (((await stat(key_file)).mode & 0o077) !== 0)
      return { problem: `others may read its key file ${key_file}`, hint: `chmod 600 ${key_file}` };
    return { text };
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return {
      problem: `its key file ${key_file} can't be read (${why})`,
      hint: 'Put the key there; no restart is needed.',
    };
  }
}

async function ask(id: string, base: URL, config: ProviderConfig, key: string | undefined): Promise<Finding> {
  const prefix = `${base.origin}${base.pathname.replace(/\/+$/, '')}`;
  const url = prefix + (config.kind === 'jobs' ? config.paths.status.replaceAll('{id}', NO_JOB) : '/models');
  try {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(PATIENCE_MS) });
    await response.body?.cancel();
    return judge(id, base, response.status);
  } catch (error) {
    return note(NAME, `${id} can't be reached at ${base.host}: ${reasonOf(error)}`, 'Its tasks wait until it answers.');
  }
}

function judge(id: string, { host }: URL, status: number): Finding {
  const said = `${id} answers at ${host} with HTTP ${status}`;
  if (status === 401 || status === 403)
    return note(NAME, `${said}: it does not take the key`, 'Mend key_env or key_file.');
  if (status >= 300 && status < 400)
    return note(NAME, `${said}: redirects are not followed`, `Mend delegation.providers.${id}.base_url.`);
  if (status >= 500 || status === 429) return note(NAME, said, 'Its tasks wait until it answers.');
  return ok(NAME, `${id} answers at ${host}`);
}

/** Neither the address nor a header is said: both may hold what nobody should see. */
function reasonOf(error: unknown): string {
  if ((error as Error).name === 'TimeoutError') return `no answer within ${PATIENCE_MS / 1_000}s`;
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : 'the request failed';
}

function isHere({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}
