/** How a command ends: 0 is everything else. */
export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An expected end of a command: what happened, and the next thing to do. */
export class Failure extends Error {
  readonly exit: ExitCode;
  readonly next: string | undefined;

  constructor(exit: ExitCode, message: string, next?: string) {
    super(message);
    this.exit = exit;
    this.next = next;
  }
}

export function usage(message: string, next?: string): Failure {
  return new Failure(EXIT.usage, message, next);
}

export function unreachable(message: string, next?: string): Failure {
  return new Failure(EXIT.unreachable, message, next);
}
