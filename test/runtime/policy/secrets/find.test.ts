import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { secretName, secretsIn } from '../../../../src/runtime/policy/secrets/find.ts';

/** Letters and digits as a machine would make them; put together here so that this file holds none itself. */
function made(length: number, from = 'aB3dE5gH7jK9mN2pQ4sT6vW8xY'): string {
  let text = '';
  for (let seed = 42; text.length < length; text += from[(seed >> 16) % from.length])
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return text;
}
const hex = (length: number) => made(length, '0f9e1d8c2b7a3645');
const upper = (length: number) => made(length, 'ABC2D3EFG4HJK5LMN6PQRS7TUVW');
const begin = (kind: string) => `-----BEGIN ${kind}PRIVATE KEY-----`;

describe('names', () => {
  it.each([
    '.env',
    '.env.local',
    'app/.env.production',
    '.ENV',
    '.envrc',
    'deploy/prod.env',
    'server.pem',
    'tls/hook.key',
    'id_rsa',
    'keys/id_ed25519',
    'id_ecdsa_sk',
    '.npmrc',
    'packages/a/.npmrc',
    '.netrc',
    '_netrc',
    '.pypirc',
    '.git-credentials',
    'credentials',
    'credentials.json',
    'credentials-prod.yml',
    'client_secret_12.apps.googleusercontent.com.json',
    'my-service-account.json',
    'service_account_key.json',
    'store.p12',
    'store.pfx',
    'store.jks',
    'passwords.kdbx',
    '.aws/config',
    'home/.ssh/known_hosts',
    '.config/gcloud/x.db',
    '.kube/config',
    '.docker/config.json',
    'infra/terraform.tfstate',
    'infra/terraform.tfstate.backup',
    'infra/prod.tfvars',
    'infra/prod.auto.tfvars.json',
  ])('%s', (path) => {
    expect(secretName(path)).toMatchObject({ path, rule: expect.stringMatching(/^[a-z-]+$/) });
  });

  it.each([
    '.env.example',
    '.env.sample',
    '.env.template',
    'example.env',
    'prod.tfvars.example',
    'credentials.example.json',
    'src/env.ts',
    'src/credentials.ts',
    'src/credentials-store.test.ts',
    'src/secrets.ts',
    'src/keys.ts',
    'id_rsa.pub',
    'src/id_rsa_parser.ts',
    '.docker/Dockerfile',
    'docs/service-account.md',
    'infra/main.tf',
    'environment.yml',
    'src/kube/config',
  ])('not %s', (path) => {
    expect(secretName(path)).toBeUndefined();
  });
});

describe('texts', () => {
  const secrets: readonly (readonly [string, string])[] = [
    ['private-key', `${begin('RSA ')}\nProc-Type: 4,ENCRYPTED\n\n${made(64)}\n`],
    ['private-key', `"key": "${begin('')}\\n${made(64)}\\n"`],
    ['private-key', `-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n${made(64)}`],
    ['private-key', `${begin('OPENSSH ')}\r\n${made(70)}`],
    ['aws-access-key', `id = AKIA${upper(16)}`],
    ['aws-secret-key', `AWS_SECRET_ACCESS_KEY=${made(40)}`],
    ['google-api-key', `AIza${made(35)}`],
    ['azure-key', `AccountKey=${made(86)}==`],
    ['github-token', `ghp_${made(36)}`],
    ['github-token', `github_pat_${made(82)}`],
    ['gitlab-token', `glpat-${made(20)}`],
    ['slack-token', `xoxb-${made(12)}-${made(24)}`],
    ['slack-webhook', `https://hooks.slack.com/services/T${upper(8)}/B${upper(8)}/${made(24)}`],
    ['stripe-key', `sk_live_${made(24)}`],
    ['openai-key', `sk-proj-${made(80)}`],
    ['openai-key', `sk-${made(48)}`],
    ['anthropic-key', `sk-ant-api03-${made(93)}`],
    ['npm-token', `npm_${made(36)}`],
    ['npm-token', `//registry.npmjs.org/:_authToken=${made(40)}`],
    ['pypi-token', `pypi-AgE${made(100)}`],
    ['jwt', `eyJ${made(30)}.eyJ${made(60)}.${made(43)}`],
    ['password-in-url', `postgres://shop:${made(14)}@db.internal/shop`],
    ['authorization', `Authorization: Bearer ${made(40)}`],
    ['assigned-secret', `const password = "${made(16)}";`],
    ['assigned-secret', `"api_key": '${made(32)}'`],
    ['assigned-secret', `clientSecret: \`${hex(32)}\``],
    ['assigned-secret', `TOKENS["x_token"] = "${made(24)}"`],
    ['service-token', `SG.${made(22)}.${made(43)}`],
    ['cloud-token', `dop_v1_${hex(64)}`],
  ];
  it.each(secrets)('%s', (rule, text) => {
    const found = secretsIn('src/a.ts', `one\ntwo\n${text}\nfour\n`);
    expect(found).toContainEqual({ path: 'src/a.ts', line: 3, rule });
    expect(JSON.stringify(found)).not.toContain(text.slice(-12));
  });

  it('a bare word is a value only where values have no quotes', () => {
    const line = `password: ${made(20)}`;
    expect(secretsIn('config/prod.yaml', line)).toMatchObject([{ rule: 'assigned-secret', line: 1 }]);
    expect(secretsIn('src/a.ts', line)).toEqual([]);
  });

  it.each([
    `if (pem.includes('${begin('')}')) return;`,
    `AKIAIOSFODNN7${'EXAMPLE'}`,
    'const token = "your-token-goes-here-123";',
    'const password = "correct-horse-battery";',
    `const secret = process.env.SECRET_12345;`,
    `const tokenUrl = 'https://example.org/oauth2/v1/token';`,
    'password = "${' + 'DB_PASSWORD_2024}"',
    'api_key: "{{ vault_key_1234567 }}"',
    'const tokenPattern = "[a-z0-9]{12,40}";',
    'secret: "xxxxxxxxxxxxxxxx1234"',
    'postgres://user:password@localhost/db',
    `"integrity": "sha512-${made(86)}=="`,
    `commit ${hex(40)}`,
    'export const MAX_TOKENS_PER_DAY_2024 = "input_tokens_v2";',
  ])('not %s', (text) => {
    expect(secretsIn('src/a.ts', text)).toEqual([]);
  });

  it('time grows with the length of a text alone', () => {
    const parts = [
      'sk-ant-api03-',
      'eyJ',
      'aws secret ',
      'https://a:',
      '-----BEGIN PRIVATE KEY-----',
      'password = "',
      'Bearer ',
    ];
    for (const part of [...parts, 'a', '=', ' ', 'token: '].map((one) => one.repeat(Math.ceil(262_144 / one.length)))) {
      const begun = performance.now();
      secretsIn('a.yaml', part);
      expect(performance.now() - begun).toBeLessThan(5_000);
    }
  });
});

describe('ordinary code', () => {
  const root = fileURLToPath(new URL('../../../../', import.meta.url));
  /** Keys that tests need. */
  const on_purpose = ['test/fixtures/tls/hook.key'];

  it('raises no alarm: all of this project', () => {
    const paths = ['src', 'test', 'bench', 'scripts'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length)),
    );
    const found = paths.flatMap((path) => secretName(path) ?? secretsIn(path, readFileSync(join(root, path), 'utf8')));
    expect(paths.length).toBeGreaterThan(1_000);
    expect([...new Set(found.map(({ path }) => path))]).toEqual(on_purpose);
  });
});
