import { refuse } from '../model/refusal.ts';
import type { SessionDesk } from '../session-desk.ts';

const none = () => refuse('not_configured', 'there are no sessions', 'configure pool in yardmaster.yaml');

export const noSessions: SessionDesk = {
  list: () => [],
  listAll: async () => [],
  find: none,
  requests: () => [],
  read: async () => none(),
  message: async () => none(),
  answer: async (request) => refuse('not_found', `there is no open request "${request.slice(0, 100)}"`, 'fleet_status'),
  interrupt: async () => none(),
  adopt: async () => none(),
  attach: none,
  profiles: () => [],
  pauseProfile: async () => none(),
  resumeProfile: async () => none(),
  useProfile: async () => none(),
};
