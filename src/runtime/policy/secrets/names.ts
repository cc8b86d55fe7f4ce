/*
 * Files that hold secrets by what they are called, as of November 2026. Compared without case, for file systems that know
 * none. What is public by its name (`id_rsa.pub`, `.env.example`) is none of them.
 */

interface NameRule {
  readonly rule: string;
  readonly names: RegExp;
}

/** The last part of a path. */
const NAMES: readonly NameRule[] = [
  { rule: 'env-file', names: /^(?:\.env(?:rc|[._-].*)?|.+\.env)$/ },
  { rule: 'private-key-file', names: /\.(?:pem|key|ppk|p8|p12|pfx|jks|keystore|kdbx?|ovpn)$/ },
  { rule: 'ssh-key', names: /^id_(?:rsa|dsa|ecdsa|ed25519|xmss)(?:_sk)?$/ },
  { rule: 'registry-login', names: /^(?:\.npmrc|\.pypirc|\.gem_credentials|\.dockercfg|nuget\.config)$/ },
  {
    rule: 'login-file',
    names: /^(?:[._]netrc|\.git-credentials|\.htpasswd|\.pgpass|\.my\.cnf|\.s3cfg|\.boto|\.vault-token|\.terraformrc)$/,
  },
  {
    rule: 'credentials-file',
    names:
      /^(?:(?:application_default_)?credentials?|secrets?)(?:\.(?:json|ya?ml|toml|ini|xml|csv|txt|conf|cfg|properties|db|enc|dec|bak))?$/,
  },
  {
    rule: 'credentials-file',
    names:
      /^credentials(?=[._-])(?!.*\.(?:[cm]?[jt]sx?|py|go|rb|rs|java|kt|cs|php|swift|scala|exs?|lua|sql|vue|svelte|html|css|md|rst|[hc](?:pp|c|h)?|mm?)$)/,
  },
  { rule: 'credentials-file', names: /^client_?secrets?.*\.json$/ },
  { rule: 'service-account', names: /(?:^|[._-])service[._-]?account.*\.json$/ },
  { rule: 'terraform-state', names: /(?:\.tfstate(?:\..*)?|\.tfvars(?:\.json)?)$/ },
  { rule: 'kubeconfig', names: /^(?:kubeconfig|.+\.kubeconfig)$/ },
];

const HARMLESS =
  /(?:^(?:example|sample|template)\.env|\.(?:example|sample|template|dist)|[._-](?:example|sample|template)\.[a-z0-9]+)$/;

/** Folders of tools that keep logins in them, wherever they lie. */
const FOLDERS: ReadonlyMap<string, string> = new Map([
  ['.aws', 'cloud-login'],
  ['.azure', 'cloud-login'],
  ['.gcloud', 'cloud-login'],
  ['.ssh', 'ssh-folder'],
  ['.gnupg', 'gpg-folder'],
  ['.terraform.d', 'login-file'],
]);

/** The rule by which a path names a secret; undefined for any other. */
export function secretByName(path: string): string | undefined {
  const parts = path.toLowerCase().split('/');
  const name = parts.pop() ?? '';
  for (const [n, folder] of parts.entries()) {
    const rule = FOLDERS.get(folder);
    if (rule) return rule;
    if (folder === 'gcloud' && parts[n - 1] === '.config') return 'cloud-login';
  }
  const last = parts.at(-1);
  if (last === '.kube' && name === 'config') return 'kubeconfig';
  if (last === '.docker' && name === 'config.json') return 'registry-login';
  if (HARMLESS.test(name)) return undefined;
  return NAMES.find(({ names }) => names.test(name))?.rule;
}
