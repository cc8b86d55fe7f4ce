import { plan } from './plan.ts';
import type { Prompt } from './prompt.ts';
import { standup } from './standup.ts';
import { triage } from './triage.ts';

/** What a person can start from their client, in the order in which clients show it. */
export const prompts: readonly Prompt[] = [standup, triage, plan];
