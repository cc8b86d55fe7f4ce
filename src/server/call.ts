import { z } from 'zod';
import { isRefusal, type Refusal } from '../runtime/model/refusal.ts';
import type { Tool, ToolContext } from '../tools/tool.ts';
import { invalidInput, type JsonSchema } from './invalid.ts';

export type Called =
  | { readonly kind: 'answer'; readonly value: Record<string, unknown> }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** One tool call, whoever carries it: checked input, the tool, checked output. */
export async function callTool(tool: Tool, ctx: ToolContext, args: unknown): Promise<Called> {
  const shape = shapeOf(tool);
  const input = await shape.strict.safeParseAsync(args ?? {});
  if (!input.success) return { kind: 'refused', refusal: invalidInput(tool.name, shape.input, input.error, args) };
  const result = await tool.handle(ctx, input.data);
  if (isRefusal(result)) return { kind: 'refused', refusal: result };
  return { kind: 'answer', value: tool.output.parse(result) };
}

export interface ToolShape {
  readonly strict: z.ZodObject;
  readonly input: JsonSchema;
  readonly output: JsonSchema;
}

const shapes = new WeakMap<Tool, ToolShape>();

/** The schemas as clients see them, made once: an argument that the tool does not know is refused. */
export function shapeOf(tool: Tool): ToolShape {
  let shape = shapes.get(tool);
  if (shape === undefined) {
    const strict = tool.input.strict();
    shape = { strict, input: jsonSchema(strict, 'input'), output: jsonSchema(tool.output, 'output') };
    shapes.set(tool, shape);
  }
  return shape;
}

/** Without `$schema`: validators of older clients know no other dialect than their own. */
function jsonSchema(schema: z.ZodObject, io: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, override: withoutLongPattern });
  return rest as JsonSchema;
}

/** `format` says the same as the pattern of a date, which costs every model that reads it 250 characters a time. */
function withoutLongPattern({ jsonSchema }: { jsonSchema: { format?: string; pattern?: string } }): void {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
}
