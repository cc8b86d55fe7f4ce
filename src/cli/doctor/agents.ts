import { type CodingAgentName, type Config, codingAgent, commandAgents } from '../../runtime/model/config.ts';
import type { Cli } from '../cli.ts';
import { type Finding, note, ok } from './check.ts';
import { which } from './which.ts';

const INSTALL = {
  codex: 'npm install -g @openai/codex',
  gemini: 'npm install -g @google/gemini-cli',
} as const;
type Other = keyof typeof INSTALL;

/** The programs of the agents that the configuration names, beside Claude Code. */
export async function otherAgents(cli: Cli, config: Config): Promise<Finding[]> {
  const coding = (Object.keys(INSTALL) as Other[]).filter((agent) => isWanted(agent, config));
  const known = await Promise.all(coding.map((agent) => program(cli, config, agent)));
  return [...known, ...commands(cli, config)];
}

function isWanted(agent: CodingAgentName, { agents, pool, dispatcher, projects }: Config): boolean {
  const { dedicated, autonomous } = pool;
  return (
    agents[agent] !== undefined ||
    dispatcher.default_agent === agent ||
    projects.some((project) => project.agent === agent) ||
    dedicated.some((session) => session.agent === agent) ||
    (autonomous.max + autonomous.min > 0 && autonomous.agent === agent)
  );
}

async function program({ around }: Cli, config: Config, agent: Other): Promise<Finding> {
  const settings = codingAgent(config, agent);
  const [name = agent, ...args] = settings.program ?? [agent];
  const found = located(name, settings.env.PATH ?? around.env.PATH);
  if (found === undefined) {
    const hint = settings.program === undefined ? INSTALL[agent] : `Mend agents.${agent}.program.`;
    return note(agent, `${name} was not found: tasks for ${agent} wait`, hint);
  }
  const said = (await around.capture([found, ...args, '--version']))?.trim().split('\n')[0];
  if (said === undefined || said === '')
    return note(agent, `${found} does not say its version`, `Run it: ${[found, ...args].join(' ')} --version`);
  return ok(agent, `${[found, ...args].join(' ')}, ${said}`);
}

/** Those that are there are not run: nobody knows what they would do. */
function commands({ around }: Cli, config: Config): Finding[] {
  return Object.entries(commandAgents(config)).flatMap(([id, { command, env }]) => {
    const [name = ''] = command;
    if (name.includes('{') || located(name, env.PATH ?? around.env.PATH) !== undefined) return [];
    return [note('agent', `${name} was not found: tasks for ${id} wait`, `Install it, or mend agents.${id}.command.`)];
  });
}

/** A name with a slash is a path; one that depends on the project's folder can't be looked for here. */
function located(name: string, path: string | undefined): string | undefined {
  if (!name.includes('/')) return which(name, path);
  return name.startsWith('/') ? which(name.slice(1), '/') : name;
}
