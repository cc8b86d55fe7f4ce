import { z } from 'zod';

/* What `GET /api/delegated/status` answers; tools that came before read these names, so fields are only added. */

export const DelegatedJob = z.object({
  job_id: z.string().nullable().describe('null until the provider has named it'),
  project: z.string(),
  task_file: z.string(),
  provider: z.string(),
  duration: z.number().describe('seconds since the attempt began'),
  attempt: z.number(),
  status: z
    .string()
    .describe(
      "the provider's word for it; before there is a job: unsent or unconfirmed; when it is over: answered while its answer is checked, then ending",
    ),
  heard_at: z.string().optional().describe('when the provider last said something usable about it'),
  next_look_at: z
    .string()
    .optional()
    .describe('absent while a request is under way, and where the provider tells its end by itself'),
  trouble: z.string().optional().describe('what went wrong last, until something goes well'),
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

export const DelegatedProvider = z.object({
  ...counted,
  state: z
    .enum(['closed', 'open', 'half_open'])
    .describe('open: it failed again and again and is left alone for a while; half_open: one request tries it'),
  until: z.string().optional().describe('nothing is asked before; also where it has asked for a pause itself'),
  last_trouble: z.string().optional().describe('since the runtime started'),
});
export type DelegatedProvider = z.infer<typeof DelegatedProvider>;

export const DelegatedStatus = z.object({
  ...counted,
  jobs: z.array(DelegatedJob),
  providers: z.record(z.string(), DelegatedProvider),
});
export type DelegatedStatus = z.infer<typeof DelegatedStatus>;
