import { type Refusal, refuse } from '../../src/runtime/model/refusal.ts';
import type { WorkerDesk, WorkerView } from '../../src/runtime/worker-desk.ts';

const NONE = refuse('not_possible', 'no worker can register here', 'use the real thing');

/** Shows what a test puts there; nobody can register. */
export class MemoryWorkers implements WorkerDesk {
  views: WorkerView[] = [];

  async register(): Promise<Refusal> {
    return NONE;
  }
  async claim(): Promise<Refusal> {
    return NONE;
  }
  async heartbeat(): Promise<Refusal> {
    return NONE;
  }
  async complete(): Promise<Refusal> {
    return NONE;
  }
  async fail(): Promise<Refusal> {
    return NONE;
  }
  async leave(): Promise<Refusal> {
    return NONE;
  }
  list(): readonly WorkerView[] {
    return this.views;
  }
}
