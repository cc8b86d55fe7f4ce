import { createHash, createHmac } from 'node:crypto';
import type { FinishedTask } from '../model/task.ts';

/** What proves where a body comes from, and when: a receiver checks both, so that an old one can't be played again. */
export function signature(body: string, key: string, now: number): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1_000));
  const hex = createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex');
  return { 'x-yardmaster-timestamp': timestamp, 'x-yardmaster-signature': `sha256=${hex}` };
}

/** The same for each try to tell one end. Hashed: an id may have letters that no header takes. */
export function idempotencyKey({ project, id, attempts }: FinishedTask): string {
  return createHash('sha256').update(`${project}/${id}/${attempts}`).digest('hex').slice(0, 32);
}
