import { plainLine } from '../model/plain-text.ts';
import type { Need } from '../yard.ts';
import { type IntakeFolder, REASON } from './places.ts';
import type { RejectedFiles } from './rejected.ts';
import type { Swept } from './sweep.ts';

/** What the last look at a folder came to. */
export interface Looked {
  readonly folder: IntakeFolder;
  readonly swept?: Swept;
  readonly rejected?: RejectedFiles;
  /** Why it can't be read. */
  readonly problem?: string;
}

/** What a person should know of an intake folder. */
export function needsOf({ folder, problem, swept, rejected }: Looked): Need[] {
  const { dir } = folder;
  const blind: Need[] =
    problem === undefined
      ? []
      : [{ what: `the intake folder ${dir} can't be read: ${problem}`, where: dir, next: BLIND }];
  return [...blind, ...waitingNeed(dir, swept), ...(rejected ? rejectedNeed(folder, rejected) : [])];
}

const BLIND = 'make it, mend its rights, or take it out of intake_dirs; it is tried again by itself';

function waitingNeed(dir: string, swept: Swept | undefined): Need[] {
  if (!swept?.deferred) return [];
  const { count, reason } = swept.deferred;
  const what = `${count} dispatch ${count === 1 ? 'file waits' : 'files wait'} to be taken: ${reason}`;
  return [{ what, where: dir, next: 'mend that; they are tried again by themselves' }];
}

function rejectedNeed({ dir, rejected }: IntakeFolder, { count, newest }: RejectedFiles): Need[] {
  if (!newest) return [];
  const name = plainLine(newest.name);
  const what =
    count === 1 ? `the dispatch file ${name} was rejected` : `${count} dispatch files were rejected, at last ${name}`;
  return [
    {
      what: `${what}: ${newest.reason}`,
      where: rejected,
      next: `mend it (${name}${REASON} says what is wrong) and move it back to ${dir}; or take it away`,
    },
  ];
}
