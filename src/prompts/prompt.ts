import type { ResourceContext } from '../resources/resource.ts';
import type { Refusal } from '../runtime/model/refusal.ts';

/** Something of the yard, given to the model as data beside the text. */
export interface PromptData {
  readonly uri: string;
  readonly mimeType: 'text/markdown' | 'application/json';
  readonly text: string;
}

export interface PromptText {
  /** What the model is asked to do: our words and the user's own, nobody else's. */
  readonly text: string;
  readonly data: readonly PromptData[];
}

export interface PromptArgument {
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  /** Up to 100 values that begin with what was typed. */
  complete?(ctx: ResourceContext, typed: string): Promise<readonly string[]>;
}

/** A prompt is data plus one function, as a tool is; a person picks it in their client. */
export interface Prompt {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly arguments: readonly PromptArgument[];
  /** With all required arguments, none of them empty. */
  get(ctx: ResourceContext, args: Readonly<Record<string, string>>): Promise<PromptText | Refusal>;
}
