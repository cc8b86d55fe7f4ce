import type { Failure } from './answer.ts';

/* Why a request was not served, for whoever reads it at the other end. Nothing that was sent is repeated. */

export const FOREIGN_HOST: Failure = {
  code: 'not_allowed',
  message: 'The Host header names another server than this one.',
  hint: 'Use the address that yardmaster status shows; further names go into http.hosts of the configuration.',
};

export const FOREIGN_ORIGIN: Failure = {
  code: 'not_allowed',
  message: 'The Origin header names a page of another server.',
  hint: 'Only pages of this server, and programs that are no browsers, may call it.',
};

export const BAD_TARGET: Failure = {
  code: 'invalid',
  message: 'The target of the request is no path of this server.',
  hint: 'Ask for a path that begins with one slash, such as /mcp.',
};

export const NO_TOKEN: Failure = {
  code: 'not_allowed',
  message: 'This server asks for a bearer token, and this request shows none that is valid.',
  hint: 'Send the header Authorization: Bearer <token>; the owner gets it by `yardmaster token`.',
};

export const STOPPING: Failure = {
  code: 'unavailable',
  message: 'The runtime is stopping; nothing of this request was taken.',
  hint: 'Send it again in a moment.',
};

export const ENCODED: Failure = {
  code: 'invalid',
  message: 'A compressed body is not read here.',
  hint: 'Send it without Content-Encoding.',
};

export const NOT_JSON: Failure = {
  code: 'invalid',
  message: 'The body must be JSON.',
  hint: 'Send the header Content-Type: application/json.',
};

export const BROKEN: Failure = {
  code: 'unavailable',
  message: 'The request could not be served; what it asked for may or may not have happened.',
  hint: 'See the runtime’s log: logs/runtime.log in its home (yardmaster status names it).',
};

export function nothingAt(path: string): Failure {
  return {
    code: 'not_found',
    message: `There is nothing at ${path.slice(0, 100)}.`,
    hint: 'MCP is at /mcp (HTTP+SSE for older clients: /sse).',
  };
}

export function wrongMethod(method: string | undefined, path: string, allowed: string): Failure {
  return { code: 'invalid', message: `${path} does not know ${method}.`, hint: `It takes ${allowed}.` };
}

export function tooLarge(limit: number): Failure {
  return {
    code: 'full',
    message: `The body is larger than ${limit} bytes; nothing of it was taken.`,
    hint: 'Send less at once, or raise http.max_body_bytes in the configuration.',
  };
}
