import type { World } from '../../stories/world.ts';
import type { ScriptedModel } from '../model/model.ts';

/** What a real agent is run with. */
export interface Asking {
  readonly world: World;
  readonly program: string;
  readonly model: ScriptedModel;
  /** Our part of its configuration. */
  readonly block: string;
  readonly ports?: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
}
