import { type Refusal, refuse } from '../model/refusal.ts';
import type { TaskSpec } from '../model/spec.ts';
import { type CallbackRules, refuseCallback } from '../policy/callback-url.ts';
import { quote } from '../taskfile/split.ts';

/**
 * What a dropped file may ask for (section 12 of the design): less than a call of the owner's.
 *
 * `include` and `apply` are free to it. What it includes goes to providers that the owner has configured and to nobody else,
 * within the owner's bounds, without secrets and what git ignores; an agent that a drop may name sends its own service at
 * least as much. `apply` does what `workspace: worktree` does: a branch, which a person takes or leaves; and `verify` is
 * one of the owner's checks there as well.
 */
export interface DropRules {
  /** Names of the user's own checks; a drop's `verify` is one of them, never a command. */
  readonly checks: ReadonlySet<string>;
  /** The mode that the project allows; a drop may ask for this or less. */
  readonly permission_mode?: NonNullable<TaskSpec['permission_mode']>;
  /** What the project allows; absent = nothing is configured, and the list of a drop only narrows. */
  readonly allowed_tools?: readonly string[];
  /** Hosts that may be called back; the same ones as for calls. */
  readonly callbacks: CallbackRules;
}

/** From the one that may do least to the one that may do all; `dontAsk` denies whatever would be asked. */
const MODES = ['plan', 'dontAsk', 'default', 'acceptEdits', 'auto', 'bypassPermissions'] as const;

/** Why a dropped (or edited) file may not ask for this. The same holds when it is read again at the claim. */
export function refuseDrop(spec: TaskSpec, rules: DropRules): Refusal | undefined {
  return (
    refuseVerify(spec, rules) ??
    refuseMode(spec, rules) ??
    refuseTools(spec, rules) ??
    refuseCallback(spec.callback_url, rules.callbacks)
  );
}

function refuseVerify({ verify }: TaskSpec, { checks }: DropRules): Refusal | undefined {
  if (verify === undefined || checks.has(verify)) return undefined;
  const known = [...checks].join(', ') || 'none is configured';
  return refuse(
    'not_allowed',
    `verify: ${quote(verify)} is not a configured check; a dropped file may not bring its own command`,
    `Name one of your checks (${known}), add it under "checks:" in yardmaster.yaml, or enqueue the task by call.`,
  );
}

function refuseMode({ permission_mode }: TaskSpec, rules: DropRules): Refusal | undefined {
  if (permission_mode === undefined) return undefined;
  const ceiling = rules.permission_mode ?? 'acceptEdits';
  if (MODES.indexOf(permission_mode) <= MODES.indexOf(ceiling)) return undefined;
  const allowed = MODES.slice(0, MODES.indexOf(ceiling) + 1).join(' | ');
  return refuse(
    'not_allowed',
    `permission_mode: ${permission_mode} is more than a dropped file may have here`,
    `Allowed: ${allowed}.`,
  );
}

function refuseTools({ allowed_tools }: TaskSpec, rules: DropRules): Refusal | undefined {
  const more = allowed_tools?.find((tool) => rules.allowed_tools && !rules.allowed_tools.includes(tool));
  if (more === undefined) return undefined;
  const allowed = rules.allowed_tools?.join(', ');
  return refuse('not_allowed', `allowed_tools: ${quote(more)} is not allowed in this project`, `Allowed: ${allowed}.`);
}
