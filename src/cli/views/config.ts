import type { Explained } from '../../runtime/config/explain.ts';
import { describeOrigin } from '../../runtime/config/origin.ts';
import type { Look } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { table } from '../table.ts';

/** Each value beside the place that it comes from. */
export function explainedView({ values }: { values: readonly Explained[] }, look: Look): string {
  const [only] = values;
  if (only && values.length === 1) return one(only, look);
  const head = ['KEY', 'VALUE', 'FROM'].map((word) => look.paint('dim', word));
  return table(
    head,
    values.map(({ key, value, origin }) => [
      safeLine(key),
      safeLine(shown(value)),
      origin.kind === 'default' ? look.paint('dim', 'default') : safeLine(describeOrigin(origin)),
    ]),
    look.width,
  );
}

function one({ key, value, origin, meaning, project_may_set, needs_restart }: Explained, { paint }: Look): string {
  const facts = [
    `from ${describeOrigin(origin)}`,
    ...(meaning === undefined ? [] : [meaning]),
    ...(project_may_set ? ["a project's own yardmaster.yaml may say it"] : []),
    needs_restart ? 'a change counts from the next start on' : 'a change counts at once',
  ];
  return `${paint('bold', safeLine(key))}: ${safeLine(shown(value))}\n${facts.map((fact) => `  ${safeLine(fact)}\n`).join('')}`;
}

function shown(value: unknown): string {
  if (value === undefined) return '(not set)';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
