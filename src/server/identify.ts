import { type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { Caller } from '../runtime/yard.ts';
import type { Hello } from './session.ts';

/** How the runtime knows its attempts. */
export interface KnownAttempts {
  caller(token: string): Caller | undefined;
  /** An agent's session that we supervise counts as its attempt, even when it lost its token. */
  sessionCaller?(session: string): Caller | undefined;
}

/** No token: the owner. A token that names no attempt is refused; it does not become the owner. */
export async function identify(hello: Hello, attempts: () => Promise<KnownAttempts>): Promise<Caller | Refusal> {
  const { bridge, token, claude_session, person } = hello;
  if (token !== undefined) {
    const caller = (await attempts()).caller(token);
    if (caller !== undefined) return { ...caller, bridge };
    return refuse(
      'not_allowed',
      'The attempt token in YARDMASTER_ATTEMPT_TOKEN belongs to no attempt that is running.',
      'Its attempt has ended; a person can unset the variable and call as the owner.',
    );
  }
  const known = claude_session === undefined ? undefined : (await attempts()).sessionCaller?.(claude_session);
  if (known !== undefined) return { ...known, bridge };
  return { principal: 'owner', name: 'owner', bridge, ...(person !== undefined && { person }) };
}
