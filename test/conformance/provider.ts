/*
 * The port `Provider`. Every kind of provider runs `providerConformance`; beside it one whose jobs go on upstream runs
 * `upstreamConformance`, and one whose jobs are this process's own requests `transientConformance`. A kind brings a
 * `ProviderWorld`: its provider, and a real service on loopback that can be told how to misbehave.
 */
export { providerConformance } from './provider/every.ts';
export { transientConformance } from './provider/transient.ts';
export { upstreamConformance } from './provider/upstream.ts';
export { KEYS, type ProviderFault, type ProviderWorld, type UpstreamWorld } from './provider/world.ts';
