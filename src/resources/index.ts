import { events } from './events.ts';
import { queues } from './queues.ts';
import type { Resource } from './resource.ts';
import { session } from './session.ts';
import { task } from './task.ts';

/** Everything that a client can read by its address. */
export const resources: readonly Resource[] = [...queues, events, task, session];
