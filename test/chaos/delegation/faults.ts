import type { Endpoint, Fault, JobStatus } from '../../fakes/job-service.ts';
import type { Expected } from './checker.ts';

/* Every way in which a service can misbehave, and how a task ends that meets it. */

export interface Mischief {
  readonly name: string;
  readonly faults?: readonly (readonly [Endpoint, Fault, times: number])[];
  readonly statuses?: readonly JobStatus[];
  readonly expected?: Expected;
  /** Its submit is answered in a way that leaves open whether there is a job. */
  readonly doubtful?: boolean;
}

const HUGE = 9 * 1024 * 1024; // more than is read
const status = (code: number, retry_after?: string): Fault => ({
  kind: 'status',
  code,
  ...(retry_after !== undefined && { retry_after }),
});
const elsewhere = (code: number): Fault => ({ kind: 'redirect', to: 'http://127.0.0.1:9/api/v1/jobs', code });

const submits: readonly Mischief[] = [
  { name: 'submit-429', faults: [['submit', status(429, '1'), 1]] },
  { name: 'submit-503', faults: [['submit', status(503), 2]] },
  { name: 'submit-500', faults: [['submit', status(500), 2]], doubtful: true },
  { name: 'submit-slow', faults: [['submit', { kind: 'stall' }, 1]], doubtful: true },
  { name: 'submit-400', faults: [['submit', status(400), 1]], expected: /HTTP 400/ },
  { name: 'submit-moved', faults: [['submit', elsewhere(307), 1]], expected: /redirect/ },
  { name: 'submit-elsewhere', faults: [['submit', elsewhere(302), 1]], doubtful: true },
  { name: 'submit-untaken', faults: [['submit', { kind: 'drop' }, 1]], doubtful: true },
  { name: 'taken-slow', faults: [['submit', { kind: 'stall', accepting: true }, 1]], doubtful: true },
  { name: 'taken-dropped', faults: [['submit', { kind: 'drop', accepting: true }, 2]], doubtful: true },
  { name: 'taken-dripped', faults: [['submit', { kind: 'drip', accepting: true }, 1]], doubtful: true },
  { name: 'taken-huge', faults: [['submit', { kind: 'huge', bytes: HUGE, accepting: true }, 1]], doubtful: true },
  {
    name: 'taken-malformed',
    faults: [['submit', { kind: 'body', text: '{"job_id": "job-', accepting: true }, 1]],
    doubtful: true,
  },
  { name: 'taken-nameless', faults: [['submit', { kind: 'body', text: '[]', accepting: true }, 1]], doubtful: true },
];

/** Questions: whatever is no good answer is asked again. */
const questions = (['status', 'result'] as const).flatMap((endpoint): Mischief[] => [
  { name: `${endpoint}-429`, faults: [[endpoint, status(429, '1'), 1]] },
  { name: `${endpoint}-500`, faults: [[endpoint, status(500), 3]] },
  { name: `${endpoint}-404`, faults: [[endpoint, status(404), 1]] },
  { name: `${endpoint}-slow`, faults: [[endpoint, { kind: 'stall' }, 1]] },
  { name: `${endpoint}-dropped`, faults: [[endpoint, { kind: 'drop' }, 2]] },
  { name: `${endpoint}-dripped`, faults: [[endpoint, { kind: 'drip' }, 1]] },
  { name: `${endpoint}-malformed`, faults: [[endpoint, { kind: 'body', text: '{"status": "comp' }, 1]] },
  { name: `${endpoint}-senseless`, faults: [[endpoint, { kind: 'body', text: '{"response": 7}' }, 1]] },
  { name: `${endpoint}-elsewhere`, faults: [[endpoint, elsewhere(302), 1]] },
]);

const states: readonly Mischief[] = [
  { name: 'status-huge', faults: [['status', { kind: 'huge', bytes: HUGE }, 1]] },
  { name: 'result-huge', faults: [['result', { kind: 'huge', bytes: HUGE }, 9]], expected: /more than/ },
  { name: 'back-and-forth', statuses: ['processing', 'queued', 'processing', 'queued', 'completed'] },
  {
    name: 'completed-too-early',
    faults: [['result', status(500), 1]],
    statuses: ['completed', 'processing', 'queued', 'completed'],
  },
  { name: 'failed-upstream', statuses: ['processing', 'failed'], expected: /failed upstream/ },
  { name: 'cancelled-upstream', statuses: ['queued', 'cancelled'], expected: /cancelled upstream/ },
];

export const MISCHIEF: readonly Mischief[] = [{ name: 'nothing-wrong' }, ...submits, ...questions, ...states];

/** It takes minutes until a job that is nowhere to be seen is believed to be gone. */
export const FORGOTTEN: Mischief = {
  name: 'forgotten',
  faults: [['status', status(404), 100_000]],
  expected: /does not know the job/,
};
