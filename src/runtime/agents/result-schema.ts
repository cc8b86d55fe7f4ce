/*
 * What an agent is told of the result that a task wants, where its program has no option for it.
 */

/** To stand at the end of a prompt. */
export function askForResult(schema: Readonly<Record<string, unknown>>): string {
  return [
    'When the work is done, your last message has to be the result as JSON and nothing else.',
    'It must fit this JSON Schema:',
    JSON.stringify(schema),
  ].join('\n');
}
