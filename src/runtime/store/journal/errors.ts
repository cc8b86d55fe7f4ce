import { errorCode } from '../../model/file-error.ts';

/** The journal could not take these changes; none of them happened and the journal goes on. */
export class JournalWriteError extends Error {
  constructor(cause: unknown, message?: string) {
    super(message ?? `the journal could not be written: ${messageOf(cause)}; nothing was changed`, { cause });
    this.name = 'JournalWriteError';
  }
}

/** The disk (or the quota) is full. */
export class JournalFull extends JournalWriteError {
  constructor(cause: unknown) {
    super(cause, 'the disk is full: the journal took nothing and nothing was changed; free some space and try again');
    this.name = 'JournalFull';
  }
}

/** What is on disk is unknown after a failed fsync, or the journal was closed: only opening it again tells. */
export class JournalClosed extends Error {
  constructor(why: string, cause?: unknown) {
    super(`the journal takes nothing more: ${why}`, { cause });
    this.name = 'JournalClosed';
  }
}

/** Written by a newer version; nothing was touched. */
export class JournalTooNew extends Error {
  constructor(path: string, format: number, newest: number) {
    super(
      `${path} has format ${format}; this version reads up to ${newest}. Use the newer version; nothing was touched`,
    );
    this.name = 'JournalTooNew';
  }
}

export function writeError(error: unknown): JournalWriteError {
  const code = errorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT' ? new JournalFull(error) : new JournalWriteError(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
