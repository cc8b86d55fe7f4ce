import { fleetStatus } from './fleet.ts';
import { pauseWork } from './pause.ts';
import { withRights } from './rights.ts';
import { decideRoute } from './routing/decide.ts';
import { delegate } from './routing/delegate.ts';
import { answerRequest } from './sessions/answer.ts';
import { listSessions } from './sessions/list.ts';
import { messageSession } from './sessions/message.ts';
import { readSession } from './sessions/read.ts';
import { cancelTask } from './tasks/cancel.ts';
import { enqueueTask } from './tasks/enqueue.ts';
import { listTasks } from './tasks/list.ts';
import { retryTask } from './tasks/retry.ts';
import { jobStatus } from './tasks/status.ts';
import type { Tool } from './tool.ts';

/** Everything that a client can ask for, in the order in which clients show it. */
export const tools: readonly Tool[] = [
  // tasks
  enqueueTask,
  listTasks,
  jobStatus,
  cancelTask,
  retryTask,
  // sessions
  listSessions,
  readSession,
  messageSession,
  answerRequest,
  // routing
  decideRoute,
  delegate,
  // fleet
  fleetStatus,
  pauseWork,
].map(withRights);
