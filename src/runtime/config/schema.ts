import { z } from 'zod';
import { Config, durationText, ProjectConfig } from '../model/config.ts';
import { isDuration } from './validate.ts';

/** The JSON Schema of the configuration file, for editors: what may be written, with meanings and defaults. */
export function configSchema(): object {
  return published(Config, 'Configuration of Yardmaster', 'yardmaster.yaml in the configuration directory');
}

/** The JSON Schema of a project's own file. */
export function projectSchema(): object {
  return published(ProjectConfig, 'What a project says to Yardmaster', 'yardmaster.yaml in the project');
}

function published(schema: z.ZodType, title: string, description: string): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', override: writeDurations });
  return { $schema, title, description, ...rest };
}

/** In a file a bare number is seconds, so a default in milliseconds would mislead. */
function writeDurations({ zodSchema, jsonSchema }: { zodSchema: unknown; jsonSchema: { default?: unknown } }): void {
  if (typeof jsonSchema.default === 'number' && isDuration(zodSchema))
    jsonSchema.default = durationText(jsonSchema.default);
}
