/*
 * What Claude Code reads in a tool's `_meta`. Other clients pass over it.
 */

/**
 * It shows its model only the names of tools until they are searched for. Loaded at once are the three that every use
 * begins with: what is here, hand out work, wait for it and read it. The instructions name the others and when to use
 * them; each costs a model's window in every session, used or not.
 */
export const AT_ONCE = { 'anthropic/alwaysLoad': true } as const;

/** Its answer is bounded by the tool itself: the model gets it whole, not a file's name and a preview. */
export const WHOLE = { 'anthropic/maxResultSizeChars': 200_000 } as const;

/** A person is asked before each call, whatever is allowed otherwise; without one (`-p`) it is refused. */
export const ASKS_A_PERSON = { 'anthropic/requiresUserInteraction': true } as const;
