import { CODING_AGENTS, type Config, commandAgents } from '../model/config.ts';
import { allowanceFindings } from './settle-allowance.ts';
import { poolFindings } from './settle-pool.ts';
import type { Finding } from './validate.ts';

/** Paths made absolute and names checked against each other: what the schema alone can't see. */
export function settle(given: Config, userHome: string): { config: Config; findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const path: Absolute = (value, at, key) => {
    const full = expandHome(value, userHome);
    if (!full.startsWith('/'))
      findings.push({
        path: at,
        key,
        value,
        message: 'is not usable',
        allowed: 'an absolute path, or one that begins with ~/',
      });
    return full;
  };
  const config: Config = {
    ...given,
    ...(given.allowed_roots && {
      allowed_roots: given.allowed_roots.map((root, n) => path(root, ['allowed_roots', n], `allowed_roots[${n}]`)),
    }),
    projects: given.projects.map((project, n) => ({
      ...project,
      path: path(project.path, ['projects', n, 'path'], `projects[${n}].path`),
    })),
    dispatcher: {
      ...given.dispatcher,
      ...(given.dispatcher.projects_dir !== undefined && {
        projects_dir: path(given.dispatcher.projects_dir, ['dispatcher', 'projects_dir'], 'dispatcher.projects_dir'),
      }),
      ...(given.dispatcher.resume_dir !== undefined && {
        resume_dir: path(given.dispatcher.resume_dir, ['dispatcher', 'resume_dir'], 'dispatcher.resume_dir'),
      }),
    },
    intake_dirs: given.intake_dirs.map((dir, n) => path(dir, ['intake_dirs', n], `intake_dirs[${n}]`)),
    pool: withPoolPaths(given, userHome, path),
    agents: withConfigDirs(given, path),
    ...(given.notify_command && {
      notify_command: given.notify_command.map((word, n) => (n === 0 ? expandHome(word, userHome) : word)), // no shell does
    }),
    delegation: { ...given.delegation, providers: withKeyFiles(given, path) },
  };
  return {
    config,
    findings: [
      ...findings,
      ...unknownNames(config),
      ...sameNames(config),
      ...poolFindings(config),
      ...allowanceFindings(config),
    ],
  };
}

export function expandHome(path: string, userHome: string): string {
  return path === '~' || path.startsWith('~/') ? `${userHome}${path.slice(1)}` : path;
}

type Absolute = (value: string, at: readonly PropertyKey[], key: string) => string;

/** The project of a dedicated session is a path or a configured name; a name stays one, for `poolFindings` to check. */
function withPoolPaths({ pool }: Config, userHome: string, path: Absolute): Config['pool'] {
  const dir = pool.shared_projects_dir;
  return {
    ...pool,
    dedicated: pool.dedicated.map((seat) => ({ ...seat, project: expandHome(seat.project, userHome) })),
    ...(dir !== undefined && {
      shared_projects_dir: path(dir, ['pool', 'shared_projects_dir'], 'pool.shared_projects_dir'),
    }),
  };
}

function withConfigDirs({ agents }: Config, path: Absolute): Config['agents'] {
  const entries = Object.entries(agents).map(([id, agent]) => {
    if (!agent || !('profiles' in agent)) return [id, agent] as const;
    const profiles = agent.profiles.map((profile, n) => {
      const at = ['agents', id, 'profiles', n, 'config_dir'];
      return { ...profile, config_dir: path(profile.config_dir, at, `agents.${id}.profiles[${n}].config_dir`) };
    });
    return [id, { ...agent, profiles }] as const;
  });
  return Object.fromEntries(entries) as Config['agents'];
}

type Providers = Config['delegation']['providers'];

function withKeyFiles(config: Config, path: Absolute): Providers {
  const entries = Object.entries(config.delegation.providers).map(([name, provider]) => {
    if (provider.key_file === undefined) return [name, provider] as const;
    const at = ['delegation', 'providers', name, 'key_file'];
    return [name, { ...provider, key_file: path(provider.key_file, at, at.join('.')) }] as const;
  });
  return Object.fromEntries(entries);
}

/** A name that points at an agent or a provider must point at one that is there. */
function unknownNames(config: Config): Finding[] {
  const commands = Object.keys(commandAgents(config));
  const agents = [...CODING_AGENTS, ...commands]; // those that Yardmaster knows need no entry
  const providers = Object.keys(config.delegation.providers);
  const uses = [
    { at: ['dispatcher', 'default_agent'], value: config.dispatcher.default_agent, known: agents },
    { at: ['delegation', 'default_provider'], value: config.delegation.default_provider, known: providers },
    ...config.projects.map((project, n) => ({ at: ['projects', n, 'agent'], value: project.agent, known: agents })),
  ];
  return uses.flatMap(({ at, value, known }) =>
    value === undefined || known.includes(value)
      ? []
      : [
          {
            path: at,
            key: at.join('.'),
            value,
            message: 'is not configured',
            allowed: known.join(', ') || 'none is configured yet',
          },
        ],
  );
}

function sameNames(config: Config): Finding[] {
  return config.projects.flatMap((project, n) => {
    const first = config.projects.findIndex(({ name, path }) => name === project.name || path === project.path);
    if (first === n) return [];
    const key = config.projects[first]?.name === project.name ? 'name' : 'path';
    return [
      {
        path: ['projects', n, key],
        key: `projects[${n}].${key}`,
        value: project[key],
        message: `is already the ${key} of projects[${first}]`,
      },
    ];
  });
}
