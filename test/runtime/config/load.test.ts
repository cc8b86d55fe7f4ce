import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/runtime/config/load.ts';
import { describeProblem } from '../../../src/runtime/config/problem.ts';

const HOME = '/home/ada';
const FILE = '/home/ada/.config/yardmaster/yardmaster.yaml';

/** Loads from files that only this test has. */
function load(files: Record<string, string>, env: Record<string, string> = {}) {
  return loadConfig({ read: async (path) => files[path], env, userHome: HOME });
}

async function problems(text: string, env: Record<string, string> = {}): Promise<string[]> {
  const loaded = await load({ [FILE]: text }, env);
  expect(loaded.config === undefined).toBe(loaded.problems.length > 0);
  return loaded.problems.map(describeProblem);
}

test('without a file everything has its default', async () => {
  const { config, from, problems } = await load({});
  expect(problems).toEqual([]);
  expect(from).toEqual([]);
  expect(config?.dispatcher.scan).toBe(60_000);
  expect(config?.retry.max_attempts).toBe(3);
});

test('the file is read and ~ becomes the home directory', async () => {
  const { config, from } = await load({
    [FILE]: [
      'allowed_roots: [~/code]',
      'projects: [{ name: shop, path: ~/code/shop, weight: 2 }]',
      'dispatcher: { projects_dir: ~/code, scan: 5m, default_agent: echo }',
      'notify_command: [~/bin/tell-me, ~/x]',
      'intake_dirs: [~/drop, /srv/drop]',
      'agents: { echo: { command: [cat, "{prompt_file}"] }, claude: { profiles: [{ name: work, config_dir: ~/.claude-work }] } }',
      'delegation: { providers: { gpu: { kind: jobs, base_url: "https://jobs.example.com", key_file: ~/.key } } }',
    ].join('\n'),
  });
  expect(from).toEqual([FILE]);
  expect(config).toMatchObject({
    allowed_roots: ['/home/ada/code'],
    projects: [{ name: 'shop', path: '/home/ada/code/shop', weight: 2 }],
    dispatcher: { projects_dir: '/home/ada/code', scan: 300_000 },
    notify_command: ['/home/ada/bin/tell-me', '~/x'],
    intake_dirs: ['/home/ada/drop', '/srv/drop'],
    agents: { claude: { profiles: [{ name: 'work', config_dir: '/home/ada/.claude-work' }] } },
    delegation: { providers: { gpu: { key_file: '/home/ada/.key' } } },
  });
});

test('~ becomes the home directory in all that sessions need, and a configured name stays one', async () => {
  const { config } = await load({
    [FILE]: [
      'projects: [{ name: shop, path: ~/code/shop }]',
      'dispatcher: { resume_dir: ~/.claude-context, default_agent: claude }',
      'pool:',
      '  shared_projects_dir: ~/code',
      '  dedicated: [{ name: shop-main, project: shop }, { name: site, project: ~/code/site }]',
      'agents: { claude: { profiles: [{ name: work, config_dir: ~/.claude-work }] } }',
    ].join('\n'),
  });
  expect(config).toMatchObject({
    dispatcher: { resume_dir: '/home/ada/.claude-context', default_agent: 'claude' },
    pool: {
      shared_projects_dir: '/home/ada/code',
      dedicated: [{ project: 'shop' }, { project: '/home/ada/code/site' }],
    },
    agents: { claude: { profiles: [{ name: 'work', config_dir: '/home/ada/.claude-work' }] } },
  });
});

test('YARDMASTER_CONFIG and XDG_CONFIG_HOME say where the file is', async () => {
  const text = 'log: { level: debug }';
  const named = await load({ '/etc/y.yaml': text }, { YARDMASTER_CONFIG: '/etc/y.yaml' });
  const xdg = await load({ '/x/yardmaster/yardmaster.yaml': text }, { XDG_CONFIG_HOME: '/x' });
  expect([named.config?.log.level, xdg.config?.log.level]).toEqual(['debug', 'debug']);
  const missing = await load({}, { YARDMASTER_CONFIG: '~/gone.yaml' });
  expect(missing.problems.map(describeProblem)).toEqual([
    '/home/ada/gone.yaml  YARDMASTER_CONFIG names this file, but there is none',
  ]);
});

test('the environment overrides single values', async () => {
  const { config, from } = await load(
    { [FILE]: 'retry: { max_attempts: 2, backoff: 1s }' },
    {
      YARDMASTER_RETRY_MAX_ATTEMPTS: '7',
      YARDMASTER_DISPATCHER_SCAN: '10s',
      YARDMASTER_LIMITS_CHILDREN: 'true',
      YARDMASTER_HOME: '/somewhere',
    },
  );
  expect(config?.retry).toMatchObject({ max_attempts: 7, backoff: 1_000 });
  expect(config?.dispatcher.scan).toBe(10_000);
  expect(config?.limits.children).toBe(true);
  expect(from).toEqual([
    FILE,
    'YARDMASTER_RETRY_MAX_ATTEMPTS',
    'YARDMASTER_DISPATCHER_SCAN',
    'YARDMASTER_LIMITS_CHILDREN',
  ]);
});

test('what stands in no section is overridden by its name alone', async () => {
  const inFile = { [FILE]: 'local_only: false' };
  const { config, origin } = await load(inFile, { YARDMASTER_LOCAL_ONLY: 'true' });
  expect(config?.local_only).toBe(true);
  expect(origin(['local_only'])).toEqual({ kind: 'environment', from: 'YARDMASTER_LOCAL_ONLY' });
  const read = async (path: string) => (path === FILE ? 'local_only: false' : undefined);
  const flagged = await loadConfig({ read, env: {}, userHome: '/home/ada', set: ['local_only=true'] });
  expect(flagged.config?.local_only).toBe(true);
  expect(await problems('', { YARDMASTER_LOCAL_ONLY: 'perhaps' })).toEqual([
    expect.stringMatching(/^YARDMASTER_LOCAL_ONLY {2}local_only: "perhaps" is not usable/),
  ]);
});

test('what lets agents do more is not taken from an environment', async () => {
  const env = { YARDMASTER_ORCHESTRATOR_MAY_ANSWER: 'true' };
  expect(await problems('', env)).toEqual([expect.stringMatching(/ORCHESTRATOR_MAY_ANSWER.*yardmaster\.yaml/)]);
});

test.each<[string, string, RegExp]>([
  [
    'a wrong duration',
    'log:\n  level: info\ndispatcher:\n  scan: fast',
    /yaml:4:3 {2}dispatcher\.scan: "fast" is not usable; allowed: .*a duration such as 30s/,
  ],
  [
    'an unknown key',
    'dispatcher:\n  scann: 5s',
    /yaml:2:3 {2}dispatcher\.scann: is not a known key; allowed: projects_dir, scan, settle/,
  ],
  ['an unknown section', 'pols: {}', /yaml:1:1 {2}pols: is not a known key; allowed: allowed_roots, projects/],
  ['a missing key', 'projects:\n  - name: shop', /yaml:2:5 {2}projects\[0\]\.path: is missing; allowed: text/],
  [
    'a kind that there is not',
    'sinks: [{ name: pager, kind: webhok }]',
    /sinks\[0\]\.kind: "webhok" is not usable; allowed: webhook, command$/,
  ],
  [
    'a number out of bounds',
    'retry: { max_attempts: 99 }',
    /retry\.max_attempts: 99 is not usable; allowed: at most 20/,
  ],
  [
    'a word that is not in the list',
    'log: { level: loud }',
    /log\.level: "loud" is not usable; allowed: debug, info, warn, error, silent/,
  ],
  ['an agent with a bad name', 'agents: { "a b": { command: [x] } }', /agents\.a b: .*allowed: a name of letters/],
  [
    'an unknown key of an agent',
    'agents: { a: { comand: [x] } }',
    /agents\.a\.comand: is not a known key; allowed: command, stdin/,
  ],
  ['a list instead of keys', '- a\n- b', /yaml:1:1 {2}\["a","b"\] is not usable; allowed: keys with values/],
  ['a broken file', 'log: [', /yaml:1:\d+ {2}/],
  ['the same key twice', 'log: { level: info }\nlog: { level: warn }', /yaml:2:1 {2}Map keys must be unique/],
  ['an alias', 'a: &x [1]\nb: *x', /aliases .* are not allowed/],
  ['a tag', 'log: !!js/function "x"', /Unresolved tag/],
  ['a deep nesting', '['.repeat(50_000), /yaml:1:\d+ {2}Maximum call stack/],
  ['a huge file', `# ${'x'.repeat(300_000)}`, /larger than 262144 bytes/],
  ['a relative path', 'allowed_roots: [code]', /allowed_roots\[0\]: "code" .*an absolute path/],
  ['a relative intake folder', 'intake_dirs: [drop]', /intake_dirs\[0\]: "drop" .*an absolute path/],
  [
    'an agent that is not there',
    'dispatcher: { default_agent: bob }',
    /default_agent: "bob" is not configured; allowed: claude, codex, gemini/,
  ],
  [
    'two projects of one name',
    'projects:\n - { name: a, path: /a }\n - { name: a, path: /b }',
    /yaml:3:6 {2}projects\[1\]\.name: "a" is already the name of projects\[0\]/,
  ],
  [
    'two profiles of one directory',
    'agents: { claude: { profiles: [{ name: a, config_dir: /a }, { name: b, config_dir: /a }] } }',
    /agents\.claude\.profiles\[1\]\.config_dir: "\/a" is already the config_dir of agents\.claude\.profiles\[0\]/,
  ],
  [
    'a session for a project that is not there',
    'pool: { dedicated: [{ name: a, project: shop }] }',
    /pool\.dedicated\[0\]\.project: "shop" is not configured; allowed: an absolute path/,
  ],
  [
    'two sessions of one name',
    'pool: { dedicated: [{ name: a, project: /a }, { name: a, project: /b }] }',
    /pool\.dedicated\[1\]\.name: "a" is already the name of pool\.dedicated\[0\]/,
  ],
  [
    'a session with the name of an autonomous one',
    'pool: { dedicated: [{ name: auto-7, project: /a }], autonomous: { prefix: auto-, start_index: 5, max: 3 } }',
    /pool\.dedicated\[0\]\.name: "auto-7" is already the name of an autonomous session/,
  ],
  [
    'more autonomous sessions at least than at most',
    'pool: { autonomous: { min: 3 } }',
    /pool\.autonomous\.min: 3 is more than max; allowed: at most max, which is 0/,
  ],
  [
    'two profiles of one name',
    'agents: { claude: { profiles: [{ name: a, config_dir: /a }, { name: a, config_dir: /b }] } }',
    /agents\.claude\.profiles\[1\]\.name: "a" is already the name of agents\.claude\.profiles\[0\]/,
  ],
  [
    'a URL that is none',
    'delegation: { providers: { g: { kind: jobs, base_url: here } } }',
    /base_url: "here" .*a URL such as/,
  ],
])('%s is refused with its key, value, place and what is allowed', async (_, text, expected) => {
  const [first] = await problems(text);
  expect(first).toMatch(expected);
});

test('a wrong variable is named instead of the file', async () => {
  expect(await problems('', { YARDMASTER_RETRY_MAX_ATTEMPTS: 'many' })).toEqual([
    'YARDMASTER_RETRY_MAX_ATTEMPTS  retry.max_attempts: "many" is not usable; allowed: a number',
  ]);
  const [unknown] = await problems('', { YARDMASTER_RETRY_TIMES: '3' });
  expect(unknown).toMatch(/^YARDMASTER_RETRY_TIMES .*allowed: YARDMASTER_RETRY_MAX_ATTEMPTS/);
});

test('a key named __proto__ changes no prototype', async () => {
  await problems('__proto__: { polluted: 1 }\nlog: { level: info }');
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});
