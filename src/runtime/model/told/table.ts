import type { z } from 'zod';
import { LIMIT_EVENTS } from './limits.ts';
import { PLACE_EVENTS } from './places.ts';
import { QUEUE_EVENTS } from './queues.ts';
import { TASK_EVENTS } from './tasks.ts';

/* Every name under which something is told to the outside, with the schema of what is said. */

export const EVENT_GROUPS = [
  { title: 'The way of a task', events: TASK_EVENTS },
  { title: 'What keeps work from beginning', events: LIMIT_EVENTS },
  { title: 'Sessions, accounts and workers', events: PLACE_EVENTS },
  { title: 'Projects and the runtime', events: QUEUE_EVENTS },
] as const;

export const EVENTS = { ...TASK_EVENTS, ...LIMIT_EVENTS, ...PLACE_EVENTS, ...QUEUE_EVENTS };

export type EventName = keyof typeof EVENTS;

export const EVENT_NAMES = Object.keys(EVENTS) as readonly EventName[];

/** What one of them says, beside what every event has. */
export type Facts<N extends EventName> = z.infer<(typeof EVENTS)[N]['facts']>;

/** A name with its facts. */
export type Saying = { [N in EventName]: { readonly type: N } & Readonly<Facts<N>> }[EventName];
