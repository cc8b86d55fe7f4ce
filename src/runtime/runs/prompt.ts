/** What an agent on this machine is told. */
export interface LocalPrompt {
  /** The name of the task's file, by which people and agents speak of it. */
  readonly file: string;
  readonly title: string;
  readonly body: string;
  readonly constraints: readonly string[];
  readonly learnings: readonly string[];
  /** Files that the task names, as paths or globs below the project. */
  readonly include?: readonly string[];
  /** Where the results of the tasks that it depends on are. */
  readonly results: readonly { readonly id: string; readonly path: string }[];
  /** What the answer has to fit, for agents that are told so in words. */
  readonly result_schema?: Readonly<Record<string, unknown>>;
  /** Tells this attempt's prompt from every other one. */
  readonly nonce: string;
  readonly closing: string;
  /** What the check of the attempt before said: that one had said that all was done. */
  readonly complaint?: string;
}

export const MAX_LEARNINGS = 5;

export function localPrompt(prompt: LocalPrompt): string {
  const learnings = prompt.learnings.slice(0, MAX_LEARNINGS);
  return paragraphs([
    `[${prompt.file}] ${bodyOf(prompt)}`,
    section('Constraints', prompt.constraints),
    section('Learnings from earlier work', learnings),
    section('Files that matter (those with a ! do not)', prompt.include ?? []),
    section(
      'Results of the tasks that this one depends on',
      prompt.results.map(({ id, path }) => `${id}: ${path}`),
    ),
    schemaOf(prompt),
    complaintOf(prompt),
    `Attempt: ${prompt.nonce}`,
    prompt.closing,
  ]);
}

/** What an agent is told that goes on with a task: all of it stands in its conversation already. */
export function furtherPrompt(
  prompt: Pick<LocalPrompt, 'file' | 'nonce' | 'closing' | 'complaint'> & { readonly why: string },
): string {
  return paragraphs([
    `[${prompt.file}] Go on with this task, which you were told above. The attempt before this one ended: ${prompt.why}.`,
    complaintOf(prompt),
    'Look first at what is done already, then do what is missing; do nothing twice.',
    `Attempt: ${prompt.nonce}`,
    prompt.closing,
  ]);
}

/** For a prompt that is too long to be an argument. */
export function promptInFile(prompt: Pick<LocalPrompt, 'file' | 'nonce'> & { readonly path: string }): string {
  return paragraphs([
    `[${prompt.file}] Your task is too long for a prompt. It is in ${prompt.path}: read that file, all of it, then do what it says as if it had been written here.`,
    `Attempt: ${prompt.nonce}`,
  ]);
}

export function schemaOf({ result_schema }: Pick<LocalPrompt, 'result_schema'>): string {
  if (result_schema === undefined) return '';
  const how = 'as JSON and nothing else, or in one fenced json block at the end';
  return `Your last answer is the result: ${how}. It has to fit this JSON Schema:\n${JSON.stringify(result_schema)}`;
}

export function complaintOf({ complaint }: Pick<LocalPrompt, 'complaint'>): string {
  if (complaint === undefined) return '';
  return `The attempt before this one said that it was done, and a check of the work says that it is not:\n\n${complaint.trim()}`;
}

export function bodyOf({ title, body }: { title: string; body: string }): string {
  return body.trim() === '' ? title : body.trim();
}

export function section(heading: string, lines: readonly string[]): string {
  const items = lines.filter((line) => line.trim() !== '').map((line) => `- ${line.trim().replaceAll('\n', '\n  ')}`);
  return items.length === 0 ? '' : [`${heading}:`, ...items].join('\n');
}

export function paragraphs(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}
