import { CODING_AGENTS, type Config, commandAgents } from '../model/config.ts';
import { wantedSeats } from '../policy/seats.ts';
import type { Finding } from './validate.ts';

/** An allowance for a name that nobody bears would limit nothing. Models bear whatever names their services give them. */
export function allowanceFindings(config: Config): Finding[] {
  const agents = [
    ...CODING_AGENTS,
    ...Object.keys(commandAgents(config)),
    ...Object.keys(config.delegation.providers),
    ...wantedSeats(config.pool).map(({ name }) => name),
  ];
  const projects = config.projects.map(({ name }) => name);
  return [...unknown('agents', config, agents), ...unknown('projects', config, projects)];
}

const MOST_NAMED = 20;

function unknown(section: 'agents' | 'projects', { allowance }: Config, known: readonly string[]): Finding[] {
  const names = known.slice(0, MOST_NAMED).join(', ') + (known.length > MOST_NAMED ? ', …' : '');
  return Object.keys(allowance[section])
    .filter((name) => !known.includes(name))
    .map((value) => ({
      path: ['allowance', section, value],
      key: `allowance.${section}.${value}`,
      value,
      message: 'is not configured',
      allowed: names || 'none is configured yet',
    }));
}
