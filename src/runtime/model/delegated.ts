import { z } from 'zod';

/* What `GET /api/delegated/status` answers; tools that came before read these names, so fields are only added. */

export const DelegatedJob = z.object({
  job_id: z.string().nullable().describe('null until the provider has named it'),
  project: z.string(),
  task_file: z.string(),
  provider: z.string(),
  duration: z.number().describe('seconds since the attempt began'),
  attempt: z.number(),
  status: z.string().describe("the provider's word for it; before there is a job: unsent, unconfirmed or ending"),
});
export type DelegatedJob = z.infer<typeof DelegatedJob>;

const counted = {
  delegated_active: z.number(),
  delegated_completed_total: z.number().describe('since the runtime started'),
  delegated_failed_total: z.number().describe('since the runtime started'),
  delegated_polls_total: z.number().describe('looks at jobs since the runtime started'),
};

export const DelegatedCounters = z.object(counted);
export type DelegatedCounters = z.infer<typeof DelegatedCounters>;

export const DelegatedStatus = z.object({
  ...counted,
  jobs: z.array(DelegatedJob),
  providers: z.record(z.string(), DelegatedCounters),
});
export type DelegatedStatus = z.infer<typeof DelegatedStatus>;
