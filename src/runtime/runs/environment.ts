export type Environment = Readonly<Record<string, string | undefined>>;

const PASSED = new Set([
  'PATH',
  'HOME',
  'LANG',
  'LANGUAGE',
  'TERM',
  'TZ',
  'TMPDIR',
  'USER',
  'LOGNAME',
  'SHELL',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
]);
const PASSED_FAMILIES = ['LC_', 'XDG_'];

export interface AttemptIdentity {
  readonly task: string;
  readonly project: string;
  readonly attempt: number;
  readonly run: string;
  readonly run_dir: string;
  readonly token: string;
}

/**
 * The whole environment of an agent. Nothing of the runtime's own gets through that is not on the list, or that its
 * configuration does not name: keys and tokens of other programs stay here. What we say about the attempt wins.
 */
export function agentEnvironment(
  base: Environment,
  agent: { readonly env: Readonly<Record<string, string>>; readonly pass_env: readonly string[] },
  attempt: AttemptIdentity,
): Record<string, string> {
  return { ...passedEnvironment(base, agent.pass_env), ...agent.env, ...identityOf(attempt) };
}

/** What any program of ours gets: no keys, no tokens, nothing that names an attempt. */
export function passedEnvironment(base: Environment, further: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    Object.entries(base).flatMap(([name, value]) =>
      value !== undefined && (isPassed(name) || further.includes(name)) ? [[name, value]] : [],
    ),
  );
}

function isPassed(name: string): boolean {
  return PASSED.has(name) || PASSED_FAMILIES.some((family) => name.startsWith(family));
}

function identityOf(attempt: AttemptIdentity): Record<string, string> {
  return {
    YARDMASTER_TASK: attempt.task,
    YARDMASTER_PROJECT: attempt.project,
    YARDMASTER_ATTEMPT: String(attempt.attempt),
    YARDMASTER_RUN: attempt.run,
    YARDMASTER_RUN_DIR: attempt.run_dir,
    YARDMASTER_ATTEMPT_TOKEN: attempt.token,
    ...(attempt.task.startsWith('dispatch-') && { GSTACK_DISPATCH_ID: attempt.task }),
  };
}
