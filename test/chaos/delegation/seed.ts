/** How often the runtime is killed among faulty services; set, everything here is tried, else what the seed draws. */
export const LONG = Number(process.env.CHAOS_DELEGATION ?? 0);
export const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

/** Everything in a long run, else one of them. */
export function someOf<T>(all: readonly T[]): readonly T[] {
  return LONG > 0 ? all : all.slice(SEED % all.length, (SEED % all.length) + 1);
}
