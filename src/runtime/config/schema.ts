import { z } from 'zod';
import { Config, ProjectConfig } from '../model/config.ts';
import { durationText } from '../model/duration.ts';
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

/** Defaults are in milliseconds; a file says them with their unit. */
function writeDurations({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: { default?: unknown };
}): void {
  const { def } = zodSchema._zod;
  if (def.type === 'default' && isDuration(zodSchema)) jsonSchema.default = durationText(def.defaultValue as number);
}
