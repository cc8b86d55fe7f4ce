/** What a client may be offered. Dependency-free: the bridge reads it. */
export const TOOLSETS = ['default', 'worker'] as const;
export type Toolset = (typeof TOOLSETS)[number];

export function isToolset(name: string): name is Toolset {
  return (TOOLSETS as readonly string[]).includes(name);
}

export function unknownToolset(name: string): string {
  return `There is no toolset ${JSON.stringify(name.slice(0, 80))}: ${TOOLSETS.join(' or ')}.`;
}
