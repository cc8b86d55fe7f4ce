import type { Look } from './look.ts';

/** A file that the system does not let us look at (no rights, a broken disk) is said once and tried again. Bugs go on. */
export function noteUnreadable({ context, memory }: Look, name: string, error: unknown): void {
  if (!(error instanceof Error) || !('code' in error)) throw error;
  if (memory.firstTime('unreadable', name)) context.note({ code: 'unreadable', name, message: error.message });
}
