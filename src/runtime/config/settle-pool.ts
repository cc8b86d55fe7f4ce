import type { Config } from '../model/config.ts';
import { wantedSeats } from '../policy/seats.ts';
import type { Finding } from './validate.ts';

/** What the schema can't see of the pool: names that point at nothing, or at the same session twice. */
export function poolFindings({ pool, projects }: Config): Finding[] {
  return [...unknownProjects(pool, projects), ...sameSeats(pool), ...leastBeyondMost(pool)];
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
