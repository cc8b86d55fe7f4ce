/** What a patch does to one file. */
export interface FileChange {
  readonly kind: 'edit' | 'new' | 'delete' | 'rename' | 'copy';
  /** Without the prefixes a/ and b/; absent where there is none before or after. */
  readonly old?: string;
  readonly new?: string;
  readonly old_mode?: string;
  readonly new_mode?: string;
  readonly binary: boolean;
  readonly hunks: readonly Hunk[];
}

/** Its lines as they stand in the patch, each with the sign in front of it. */
export interface Hunk {
  readonly old_start: number;
  readonly new_start: number;
  readonly section: string;
  readonly lines: readonly string[];
}

export interface Patch {
  /** The patch as git reads it: counts of lines made right, names with a/ and b/, no words around it. */
  readonly text: string;
  /** How many files it changes, in lines. */
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
  /** Every name in it, old and new ones. */
  readonly paths: readonly string[];
  readonly changes: readonly FileChange[];
}

/** A patch that can't be understood, in words for who has written it. */
export class Broken extends Error {}
