import { refuse } from '../runtime/model/refusal.ts';
import { type Problem, refused } from './problem.ts';
import type { Route } from './route.ts';

/** Below these everything is ours, and what the table does not have is a 404 of ours. */
const ROOTS = ['/api/', '/watchdog/'];

export type Matched =
  | { readonly kind: 'route'; readonly route: Route; readonly path: Readonly<Record<string, string>> }
  | { readonly kind: 'options'; readonly allow: string }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'elsewhere' };

/** Which row a request means. Literal segments win over `{names}`; a segment is decoded once and never split again. */
export function match(routes: readonly Route[], method: string, pathname: string): Matched {
  if (!ROOTS.some((root) => pathname.startsWith(root))) return { kind: 'elsewhere' };
  const segments = decoded(pathname);
  if (segments === undefined) return { kind: 'problem', problem: undecodable(pathname) };
  const found = routes.flatMap((route) => {
    const path = variables(route.path.split('/'), segments);
    return path === undefined ? [] : [{ route, path }];
  });
  const best = Math.min(...found.map(({ path }) => Object.keys(path).length));
  const here = found.filter(({ path }) => Object.keys(path).length === best);
  if (here.length === 0) return { kind: 'problem', problem: unknownPath(pathname) };
  const wanted = method === 'HEAD' ? 'GET' : method;
  const row = here.find(({ route }) => route.method === wanted);
  if (row !== undefined) return { kind: 'route', ...row };
  const allow = allowed(here.map(({ route }) => route.method));
  if (method === 'OPTIONS') return { kind: 'options', allow };
  return { kind: 'problem', problem: wrongMethod(method, pathname, allow) };
}

function variables(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const found: Record<string, string> = {};
  for (const [at, part] of pattern.entries()) {
    const given = segments[at] ?? '';
    if (!part.startsWith('{')) {
      if (part !== given) return undefined;
    } else if (given === '') return undefined;
    else found[part.slice(1, -1)] = given;
  }
  return found;
}

function decoded(pathname: string): string[] | undefined {
  try {
    return pathname.split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function allowed(methods: readonly string[]): string {
  const all = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  return [...new Set([...all, 'OPTIONS'])].join(', ');
}

function undecodable(pathname: string): Problem {
  const message = `the path ${pathname.slice(0, 200)} has a % that is no percent-encoding`;
  return refused(refuse('invalid', message, 'write % itself as %25'));
}

function unknownPath(pathname: string): Problem {
  const hint = 'GET /api/v1/openapi.json lists every path; a / inside a project is written as %2F';
  return refused(refuse('not_found', `there is nothing at ${pathname.slice(0, 200)}`, hint));
}

function wrongMethod(method: string, pathname: string, allow: string): Problem {
  return {
    status: 405,
    code: 'method_not_allowed',
    message: `${method.slice(0, 20)} does not go with ${pathname.slice(0, 200)}`,
    hint: `allowed: ${allow}`,
    headers: { allow },
  };
}
