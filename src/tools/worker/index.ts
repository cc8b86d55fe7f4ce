import { withRights } from '../rights.ts';
import type { Tool } from '../tool.ts';
import { claimTask } from './claim.ts';
import { deregisterWorker } from './deregister.ts';
import { heartbeat } from './heartbeat.ts';
import { registerWorker } from './register.ts';
import { completeTask, failTask } from './report.ts';

/** All that `--toolset worker` offers. None of it has a row among the rights of attempts: it is closed to them. */
export const workerTools: readonly Tool[] = [
  registerWorker,
  claimTask,
  heartbeat,
  completeTask,
  failTask,
  deregisterWorker,
].map(withRights);

export const WORKER_INSTRUCTIONS = `You are a worker of a Yardmaster fleet: a program that asks for tasks and does them.

register_worker once, and keep its key → claim_task (waits; task: null means ask again) → do what body says, heartbeat meanwhile with the tasks that you hold → complete_task or fail_task → claim_task again. deregister_worker when you end on purpose.

A task is yours as long as you name it in time (heartbeat_seconds). What heartbeat calls cancel: stop it, then fail_task. What it calls gone: stop it and report nothing. Everything of a task is in what claim_task answers; complete_task and fail_task want its id, project, attempt and token. A call that failed for a broken connection may be made again.`;
