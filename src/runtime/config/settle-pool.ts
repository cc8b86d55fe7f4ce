import type { Config } from '../model/config.ts';
import { wantedSeats } from '../policy/seats.ts';
import type { Finding } from './validate.ts';

/** What the schema can't see of the pool: names that point at nothing, or at the same session twice. */
export function poolFindings({ pool, projects, agents }: Config): Finding[] {
  return [...unknownProjects(pool, projects), ...sameSeats(pool), ...leastBeyondMost(pool), ...sameProfiles(agents)];
}

function unknownProjects({ dedicated }: Config['pool'], projects: Config['projects']): Finding[] {
  const names = projects.map(({ name }) => name);
  return dedicated.flatMap(({ project }, n) =>
    project.startsWith('/') || names.includes(project)
      ? []
      : [
          {
            path: ['pool', 'dedicated', n, 'project'],
            key: `pool.dedicated[${n}].project`,
            value: project,
            message: 'is not configured',
            allowed: [...names, 'an absolute path, or one that begins with ~/'].join(', '),
          },
        ],
  );
}

function sameSeats(pool: Config['pool']): Finding[] {
  const numbered = wantedSeats({ ...pool, dedicated: [] }).map(({ name }) => name);
  return pool.dedicated.flatMap(({ name }, n) => {
    const first = pool.dedicated.findIndex((seat) => seat.name === name);
    const whose =
      first < n ? `pool.dedicated[${first}]` : numbered.includes(name) ? 'an autonomous session' : undefined;
    if (whose === undefined) return [];
    const path = ['pool', 'dedicated', n, 'name'];
    return [{ path, key: `pool.dedicated[${n}].name`, value: name, message: `is already the name of ${whose}` }];
  });
}

function leastBeyondMost({ autonomous: { min, max } }: Config['pool']): Finding[] {
  if (min <= max) return [];
  const path = ['pool', 'autonomous', 'min'];
  return [
    { path, key: path.join('.'), value: min, message: 'is more than max', allowed: `at most max, which is ${max}` },
  ];
}

/** Profiles are paused and chosen by their name, and two of one directory would be one account. */
function sameProfiles(agents: Config['agents']): Finding[] {
  return Object.entries(agents).flatMap(([id, agent]) => {
    if (!agent || !('profiles' in agent)) return [];
    return agent.profiles.flatMap((profile, n) =>
      (['name', 'config_dir'] as const).flatMap((field) => {
        const first = agent.profiles.findIndex((other) => other[field] === profile[field]);
        if (first === n) return [];
        const key = `agents.${id}.profiles[${n}].${field}`;
        const path = ['agents', id, 'profiles', n, field];
        const message = `is already the ${field} of agents.${id}.profiles[${first}]`;
        return [{ path, key, value: profile[field], message }];
      }),
    );
  });
}
