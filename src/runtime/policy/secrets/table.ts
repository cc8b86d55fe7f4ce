import { looksRandom } from './strength.ts';

/*
 * What secrets look like, as of November 2026: the prefixes that their makers give them, and assignments of what looks
 * made up by a machine.
 *
 * 1. Each pattern begins with letters of its own or at an edge, and every repetition in it has a bound: the time for a
 *    text grows with its length alone.
 * 2. What makers publish as examples is none.
 */

export interface ContentRule {
  readonly rule: string;
  /** With the flags `g` and `d`; a group named `value` is what is looked at by `unless` and `only`. */
  readonly pattern: RegExp;
  readonly only?: (value: string) => boolean;
}

const published = (value: string) =>
  !/EXAMPLE|XXXX|xxxx|0{12}|1234567890|abcdefghij|eyJzdWIiOiIxMjM0NTY3ODkw/.test(value); // 2
const strong = (value: string) => looksRandom(value, 12);

const token = (rule: string, source: string): ContentRule => ({
  rule,
  pattern: new RegExp(`(?<![A-Za-z0-9_-])(?<value>${source})(?![A-Za-z0-9_-])`, 'g'),
  only: published,
});

/** What assigns a secret: the end of a name, then a value in quotes. */
const NAME =
  '(?:passw(?:or)?d|passphrase|secret|token|api_?-?key|access_?-?key|auth_?-?key|private_?-?key|encryption_?-?key|signing_?-?key|credential)s?';

export const CONTENT_RULES: readonly ContentRule[] = [
  {
    rule: 'private-key',
    // The words alone stand in code that reads keys; something of the key itself has to follow.
    pattern: /-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?=[\s\S]{0,200}?[A-Za-z0-9+/]{32})/g,
  },
  { rule: 'putty-key', pattern: /PuTTY-User-Key-File-[23]: /g },
  token('age-key', 'AGE-SECRET-KEY-1[0-9A-Z]{58}'),
  token('aws-access-key', '(?:AKIA|ASIA)[A-Z2-7]{16}'),
  {
    rule: 'aws-secret-key',
    pattern: /aws.{0,20}secret.{0,20}?["'=:\s]{1,6}(?<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi,
    only: published,
  },
  token('google-api-key', 'AIza[0-9A-Za-z_-]{35}'),
  token('google-oauth', '(?:ya29\\.[0-9A-Za-z_-]{30,500}|GOCSPX-[0-9A-Za-z_-]{28})'),
  { rule: 'azure-key', pattern: /(?:Account|SharedAccess)Key=(?<value>[A-Za-z0-9+/]{42,86}={1,2})/g },
  token('azure-client-secret', '[A-Za-z0-9_~.]{3}\\dQ~[A-Za-z0-9_~.-]{31,34}'),
  { rule: 'azure-sas', pattern: /[?&]sig=(?<value>[A-Za-z0-9%+/]{43,60}(?:%3D|=))/g },
  token('github-token', '(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255})'),
  token('gitlab-token', 'gl(?:pat|dt|rt|ptt|ft|imt|agent|soat|cbt|oas)-[0-9A-Za-z_.-]{20,300}'),
  token('slack-token', '(?:xox[abeoprs]-[0-9A-Za-z-]{20,250}|xapp-\\d-[0-9A-Za-z-]{20,250})'),
  {
    rule: 'slack-webhook',
    pattern: /hooks\.slack\.com\/services\/(?<value>T\w{6,14}\/B\w{6,14}\/\w{20,30})/g,
    only: published,
  },
  { rule: 'discord-webhook', pattern: /discord(?:app)?\.com\/api\/webhooks\/\d{15,22}\/[\w-]{50,80}/g },
  token('stripe-key', '(?:[sr]k_(?:live|test)_[0-9A-Za-z]{20,250}|whsec_[0-9A-Za-z+/]{32,64})'),
  token('anthropic-key', 'sk-ant-[a-z0-9]{2,10}-[0-9A-Za-z_-]{30,250}'),
  token('openai-key', 'sk-(?:[A-Za-z0-9]{48}|(?:proj|svcacct|admin|None|or-v1)-[0-9A-Za-z_-]{40,250})'),
  token(
    'ai-key',
    '(?:hf_[A-Za-z0-9]{34}|gsk_[A-Za-z0-9]{52}|xai-[A-Za-z0-9]{70,90}|r8_[A-Za-z0-9]{37}|pplx-[A-Za-z0-9]{48})',
  ),
  token('npm-token', 'npm_[A-Za-z0-9]{36}'),
  {
    rule: 'npm-token',
    pattern: /_auth(?:Token)?\s{0,3}=\s{0,3}["']?(?<value>[A-Za-z0-9+/=_-]{20,300})/g,
    only: strong,
  },
  token('pypi-token', 'pypi-AgE[0-9A-Za-z_-]{50,500}'),
  token('registry-token', '(?:rubygems_[a-f0-9]{48}|dckr_(?:pat|oat)_[0-9A-Za-z_-]{27,60}|cio[A-Za-z0-9]{32})'),
  token(
    'cloud-token',
    '(?:do[oprs]_v1_[a-f0-9]{64}|hv[sb]\\.[0-9A-Za-z_-]{24,300}|dapi[a-f0-9]{32}|pscale_(?:tkn|pw)_[\\w.-]{32,64}|sbp_[a-f0-9]{40}|vercel_[A-Za-z0-9]{24,60})',
  ),
  token(
    'service-token',
    '(?:SG\\.[\\w-]{22}\\.[\\w-]{43}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|lin_api_[A-Za-z0-9]{40}|ntn_[A-Za-z0-9]{43,50}|sntry[su]_[A-Za-z0-9+/=_]{60,300}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|AC[a-f0-9]{32}:[a-f0-9]{32})',
  ),
  token('telegram-token', '\\d{8,10}:AA[0-9A-Za-z_-]{33}'),
  token('jwt', 'eyJ[0-9A-Za-z_-]{15,1000}\\.eyJ[0-9A-Za-z_-]{15,4000}\\.[0-9A-Za-z_-]{20,1000}'),
  {
    rule: 'password-in-url',
    pattern: /(?<![A-Za-z0-9])[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/'"`<>]{1,60}:(?<value>[^\s@/'"`<>]{8,100})@/g,
    only: (value) => looksRandom(value, 8),
  },
  {
    rule: 'authorization',
    pattern: /\b(?:Bearer|Basic)\s(?<value>[A-Za-z0-9+/=_.-]{24,500})/g,
    only: (value) => looksRandom(value, 24),
  },
  {
    rule: 'assigned-secret',
    pattern: new RegExp(
      `${NAME}["'\`\\]]{0,2}\\s{0,4}(?::\\s{0,2}string\\s{0,2})?(?:=>|:=|[=:])\\s{0,4}["'\`](?<value>[^\\s"'\`]{12,200})["'\`]`,
      'gi',
    ),
    only: strong,
  },
];

/** Without quotes only where values have none: in code such a word is a name. */
export const PLAIN_ASSIGNMENT: ContentRule = {
  rule: 'assigned-secret',
  pattern: new RegExp(
    `${NAME}["']?[ \\t]{0,4}[=:][ \\t]{0,4}(?<value>[A-Za-z0-9+/=_.!@#%^&*~-]{12,200})[ \\t]{0,4}(?:[\\r\\n#]|$)`,
    'gi',
  ),
  only: strong,
};
