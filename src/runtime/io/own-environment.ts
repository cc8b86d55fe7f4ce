/**
 * Everything that this process starts and gives no environment of its own (supervisors, git, ps) inherits this one, and
 * whoever may look at a process may read it. Keys of services leave it; who needs one has a copy from before.
 */
export function hideFromChildren(names: readonly string[]): void {
  for (const name of names) delete process.env[name];
}
