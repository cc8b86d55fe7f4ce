import { z } from 'zod';
import { PauseReason } from '../profile.ts';
import { count, text, time, told } from './event.ts';

const session = { session: text, detail: text.optional() };
const account = { agent: text, profile: text.describe('the account') };

const Window = z.object({
  name: text,
  used: z.number().describe('0 … 1'),
  resets_at: time.optional(),
});

/** Sessions, accounts and outside workers. */
export const PLACE_EVENTS = {
  session_created: told('A session was made.', session),
  session_recreated: told('A session that had died was made anew.', session),
  session_died: told('A session is gone.', session),
  session_closed: told('A session was ended because nothing needs it.', session),
  session_cooling: told('A session rests before its next task.', session),
  session_adopted: told('A session of earlier, or of a person, belongs to the fleet now.', session),
  session_interrupted: told('Somebody stopped what was going on in a session.', session),
  session_foreign: told('In a session there is something that is not ours.', session),
  profile_paused: told('An account rests.', {
    ...account,
    why: PauseReason,
    reason: text,
    until: time.optional(),
    guessed: z.boolean().optional().describe('nobody has said when it ends'),
  }),
  profile_resumed: told('An account may be used again.', account),
  profile_chosen: told('A person wants this account to be used first.', account),
  profile_used: told("How much of its service's windows an account has used.", {
    ...account,
    windows: z.array(Window),
  }),
  worker_registered: told('An outside worker has come, or says other things of itself.', {
    worker: text,
    title: text.optional(),
    capabilities: z.array(text),
    max: count.describe('tasks at once'),
    files: z.boolean().describe("it works in the projects' folders"),
    projects: z.array(text).optional(),
  }),
  worker_left: told('An outside worker has gone.', {
    worker: text,
    why: z.enum(['deregistered', 'silent', 'replaced']),
  }),
};
