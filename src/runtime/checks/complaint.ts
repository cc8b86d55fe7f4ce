import { fenced } from '../runs/fence.ts';
import type { CheckRecord } from './records.ts';

/** What the next attempt is told of the check that refused the work; undefined where none did. */
export function complaintOf({ problems, patch, verify }: CheckRecord): string | undefined {
  if (problems !== undefined && problems.length > 0) {
    const lines = problems.map(({ path, says }) => `- ${path === '' ? 'the result' : path} ${says}`);
    return [
      'The result has to be JSON that fits the result_schema of this task, and it does not:',
      lines.join('\n'),
      'Give the whole result again: as JSON and nothing else, or in one fenced json block at the end.',
    ].join('\n\n');
  }
  if (patch !== undefined) {
    return [
      `${patch.reason}.`,
      ...(patch.output === '' ? [] : [`What git says:\n\n${fenced(patch.output)}`]),
      'Give the whole change again as one patch (unified diff) in one fenced diff block: against the files as they were given, with their names below the project and enough unchanged lines around each change.',
    ].join('\n\n');
  }
  if (verify === undefined || verify.passed) return undefined;
  const said = verify.output === '' ? 'It printed nothing.' : `The end of what it printed:\n\n${fenced(verify.output)}`;
  return `${verify.reason}.\n\n${said}`;
}
