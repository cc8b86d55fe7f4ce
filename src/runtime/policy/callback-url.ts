import type { Config } from '../model/config.ts';
import { type Refusal, refuse } from '../model/refusal.ts';

export type CallbackRules = Pick<Config['callbacks'], 'hosts' | 'private'>;

/**
 * Why this address may not be called back. Asked when a task arrives, however it arrives, and again before each call.
 * A host is meant with its port: without one, the port that its scheme has anyway.
 */
export function refuseCallback(callback_url: string | undefined, rules: CallbackRules): Refusal | undefined {
  if (callback_url === undefined) return undefined;
  const url = parse(callback_url);
  if (!url) return not('it is no address that can be called', 'Give an https:// address, or leave callback_url out.');
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return not(`${url.protocol} is no way to call back`, 'Give an https:// address, or leave callback_url out.');
  if (url.username !== '' || url.password !== '')
    return not('it carries a name or password', 'Leave them out: receivers check the signature (callbacks.key_env).');
  if (!rules.hosts.some((host) => isHostOf(host, url))) {
    const known = rules.hosts.join(', ') || 'none';
    const hint = `Add "${url.host}" to callbacks.hosts in yardmaster.yaml (now: ${known}), or leave callback_url out.`;
    return not(`${url.host} is not an allowed host`, hint);
  }
  if (url.protocol === 'http:' && !rules.private)
    return not(
      'http:// is only for this machine and private networks, and callbacks.private is off',
      'Give an https:// address, or set callbacks.private: true in yardmaster.yaml.',
    );
  return undefined;
}

/** The host and port of an address as a person may be shown it: the rest of it may be a secret. */
export function callbackHost(callback_url: string): string {
  return parse(callback_url)?.host ?? 'an unusable address';
}

/** Read with the scheme of the address, an entry has the same idea of what needs no port. */
function isHostOf(entry: string, url: URL): boolean {
  const listed = parse(`${url.protocol}//${entry}`);
  return listed !== undefined && bare(listed) === bare(url) && listed.port === url.port;
}

function bare({ hostname }: URL): string {
  return hostname.toLowerCase().replace(/\.$/, '');
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function not(why: string, hint: string): Refusal {
  return refuse('not_allowed', `callback_url: ${why}`, hint);
}
