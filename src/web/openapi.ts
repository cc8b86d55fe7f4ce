import { shapeOf } from '../server/call.ts';
import type { JsonSchema } from '../server/invalid.ts';
import type { Tool } from '../tools/tool.ts';
import type { Method, Route } from './route.ts';

/* The description of the API is made from its table of routes and the tools' own schemas; nothing is said twice. */

const PROBLEM = { $ref: '#/components/responses/Problem' };
const KEY = { $ref: '#/components/parameters/IdempotencyKey' };

/** A tool as `GET /api/v1/tools` shows it. */
export function describeTool(tool: Tool): Record<string, unknown> {
  const { name, title, description, hints } = tool;
  const { input, output } = shapeOf(tool);
  return { name, title, description, hints, input_schema: input, output_schema: output };
}

/** The operation of a path that stands for a tool. */
export function describeCall(method: Method, path: string, tool: Tool): Record<string, unknown> {
  const { input, output } = shapeOf(tool);
  const named = namesIn(path);
  const inPath = named.map((name) => parameter(name, 'path', input.properties?.[name]));
  const rest = Object.entries(input.properties ?? {}).filter(([name]) => !named.includes(name));
  const content = { 'application/json': { schema: without(input, named) } };
  return {
    operationId: `${method.toLowerCase()}${path
      .replace('/api/v1', '')
      .replace(/[/{}]+/g, '_')
      .replace(/_$/, '')}`,
    'x-tool': tool.name,
    summary: tool.title,
    description: tool.description,
    parameters:
      method === 'GET'
        ? [...inPath, ...rest.map(([name, schema]) => parameter(name, 'query', schema))]
        : [...inPath, KEY],
    ...(method === 'POST' && { requestBody: { content } }),
    responses: { '2XX': { description: 'OK', content: { 'application/json': { schema: output } } }, default: PROBLEM },
  };
}

export function openapi(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, described } of routes) {
    const operations = paths[path] ?? {};
    paths[path] = operations;
    operations[method.toLowerCase()] = described;
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Yardmaster', version, description: 'The tools of Yardmaster for scripts.' },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      parameters: { IdempotencyKey: IDEMPOTENCY_KEY },
      responses: { Problem: PROBLEM_RESPONSE },
    },
  };
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'The same request under the same key again is answered as the first was and changes nothing twice.',
  schema: { type: 'string', maxLength: 200 },
};

const text = { type: 'string' };
const PROBLEM_RESPONSE = {
  description: 'What happened, and what to do next.',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        properties: { code: text, message: text, hint: text },
        required: ['code', 'message', 'hint'],
      },
    },
  },
};

function namesIn(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
}

function parameter(name: string, place: 'path' | 'query', schema: JsonSchema | undefined): Record<string, unknown> {
  return { name, in: place, ...(place === 'path' && { required: true }), schema: schema ?? text };
}

function without(schema: JsonSchema, names: readonly string[]): JsonSchema {
  if (names.length === 0) return schema;
  const properties = Object.entries(schema.properties ?? {}).filter(([name]) => !names.includes(name));
  const required = (Array.isArray(schema.required) ? (schema.required as string[]) : []).filter(
    (name) => !names.includes(name),
  );
  const { required: _, ...rest } = schema;
  return { ...rest, properties: Object.fromEntries(properties), ...(required.length > 0 && { required }) };
}
