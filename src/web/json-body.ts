import type { IncomingMessage } from 'node:http';
import { readBody } from '../server/http/body.ts';
import { malformed, type Problem } from './problem.ts';

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

export type JsonBody =
  | { readonly kind: 'object'; readonly value: Readonly<Record<string, unknown>> }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'gone' };

/** The one JSON object that a request carries; nothing counts as an empty one. */
export async function readJson(request: IncomingMessage, limit: number): Promise<JsonBody> {
  const type = request.headers['content-type'];
  if (type !== undefined && !JSON_TYPE.test(type)) return { kind: 'problem', problem: wrongType(type) };
  const body = await readBody(request, limit);
  switch (body.kind) {
    case 'gone':
      return body;
    case 'too_large':
      return { kind: 'problem', problem: tooLarge(body.limit) };
    case 'whole':
      return parsed(body.bytes);
  }
}

function parsed(bytes: Buffer): JsonBody {
  if (bytes.length === 0) return { kind: 'object', value: {} };
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return { kind: 'object', value: value as Record<string, unknown> };
    const what = Array.isArray(value) ? 'a list' : JSON.stringify(value).slice(0, 40);
    return { kind: 'problem', problem: malformed(`the body is ${what}, not a JSON object`, 'send {…}') };
  } catch (error) {
    const why = (error as Error).message.slice(0, 200);
    return { kind: 'problem', problem: malformed(`the body is no JSON: ${why}`, 'nothing was changed; send {…}') };
  }
}

function wrongType(type: string): Problem {
  return {
    status: 415,
    code: 'unsupported_media_type',
    message: `the body is ${type.slice(0, 100)}, not application/json`,
    hint: 'nothing was changed; with curl: --json \'{…}\', or -H "content-type: application/json"',
    unread: true,
  };
}

function tooLarge(limit: number): Problem {
  return {
    status: 413,
    code: 'too_large',
    message: `the body is larger than ${limit} bytes`,
    hint: 'nothing was changed; send fewer tasks at once, or put long texts into files of the project; the bound is http.max_body_bytes',
    unread: true,
  };
}
