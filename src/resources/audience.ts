/** A list that a client may hold a copy of. */
export type ListName = 'tools' | 'resources' | 'prompts';

/** Tells whoever listens which addresses say something else now, and which lists do. */
export type Changed = (uris: readonly string[], lists?: readonly ListName[]) => void;

/** What anybody listens for: older clients hear of lists unasked, of resources only by subscription. */
export type Listening = 'nothing' | 'lists' | 'resources';

export function mostOf(all: readonly Listening[]): Listening {
  if (all.includes('resources')) return 'resources';
  return all.includes('lists') ? 'lists' : 'nothing';
}
