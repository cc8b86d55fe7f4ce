import type { CommandAgent } from '../model/config.ts';
import { type Refusal, refuse } from '../model/refusal.ts';

/** What a command template may name. */
export interface ArgvValues {
  readonly prompt_file: string;
  readonly output_file: string;
  readonly task: string;
  readonly project_dir: string;
  readonly model: string | undefined;
}

const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_-]*)\}/g;
const MODEL = /^[A-Za-z0-9][\w.:/@+-]*$/; // it comes from a task: it must not be taken for an option

/** Fills in a command. Each argument stays one argument, whatever the values hold. */
export function fillArgv(command: CommandAgent['command'], values: ArgvValues): [string, ...string[]] | Refusal {
  for (const name of namesIn(command)) {
    const problem = placeholderProblem(name, values);
    if (problem) return problem;
  }
  const [program = '', ...args] = command.map((argument) =>
    argument.replace(PLACEHOLDER, (whole, name: string) => filledIn(values, name) ?? whole),
  );
  return [program, ...args];
}

export function namesIn(command: readonly string[]): string[] {
  return command.flatMap((argument) => [...argument.matchAll(PLACEHOLDER)].map(([, name = '']) => name));
}

function placeholderProblem(name: string, values: ArgvValues): Refusal | undefined {
  if (!Object.hasOwn(values, name)) {
    const allowed = Object.keys(values).map((known) => `{${known}}`);
    return refuse(
      'not_configured',
      `the agent's command names {${name}}, which nobody fills in; allowed are ${allowed.join(', ')}`,
      'correct the command of the agent in yardmaster.yaml; literal braces around a word belong into a script',
    );
  }
  if (name !== 'model') return undefined;
  if (values.model === undefined) {
    return refuse(
      'not_configured',
      'the agent needs a model and none is set',
      'set model in the task, or models in yardmaster.yaml',
    );
  }
  if (!MODEL.test(values.model)) {
    return refuse(
      'invalid',
      `${JSON.stringify(values.model)} can't be the name of a model`,
      'correct model in the task',
    );
  }
  return undefined;
}

function filledIn(values: ArgvValues, name: string): string | undefined {
  return Object.hasOwn(values, name) ? values[name as keyof ArgvValues] : undefined;
}
