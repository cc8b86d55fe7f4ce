import { callTool, shapeOf } from '../server/call.ts';
import type { Tool } from '../tools/tool.ts';
import { callId } from './call-id.ts';
import { readJson } from './json-body.ts';
import { describeCall, describeTool } from './openapi.ts';
import { isProblem, malformed, type Problem, refused } from './problem.ts';
import { argumentsIn } from './query.ts';
import type { Answer, Asked, Method, Route } from './route.ts';

type Args = Readonly<Record<string, unknown>>;

/** A path that stands for a tool: the names in it and the query (GET) or the body (POST) are the tool's arguments. */
interface Row {
  readonly method: Method;
  readonly path: string;
  readonly tool: string;
}

const TASK = '/api/v1/tasks/{project}/{id}';

const ROWS: readonly Row[] = [
  { method: 'GET', path: '/api/v1/tasks', tool: 'list_tasks' },
  { method: 'POST', path: '/api/v1/tasks', tool: 'enqueue_task' },
  { method: 'GET', path: TASK, tool: 'job_status' },
  { method: 'POST', path: `${TASK}/cancel`, tool: 'cancel_task' },
  { method: 'POST', path: `${TASK}/retry`, tool: 'retry_task' },
  { method: 'GET', path: '/api/v1/status', tool: 'job_status' }, // of several, by ids or group
  { method: 'GET', path: '/api/v1/sessions', tool: 'list_sessions' },
  { method: 'GET', path: '/api/v1/sessions/{name}', tool: 'read_session' },
  { method: 'POST', path: '/api/v1/sessions/{name}/message', tool: 'message_session' },
  { method: 'POST', path: '/api/v1/requests/{request_id}', tool: 'answer_request' },
  { method: 'GET', path: '/api/v1/fleet', tool: 'fleet_status' },
  { method: 'POST', path: '/api/v1/route', tool: 'decide_route' },
  { method: 'POST', path: '/api/v1/delegate', tool: 'delegate' },
];

/** The rows above, and every tool under its own name. */
export function toolRoutes(tools: readonly Tool[]): Route[] {
  const named = (name: string) => tools.filter((tool) => tool.name === name);
  return [
    ...ROWS.flatMap((row) => named(row.tool).map((tool) => callRoute(row, tool))),
    ...tools.map((tool) => callRoute({ method: 'POST', path: `/api/v1/tools/${tool.name}`, tool: tool.name }, tool)),
    listRoute('/api/v1/tools', 'The tools and their schemas', { tools: tools.map(describeTool) }),
    ...tools.map((tool) => listRoute(`/api/v1/tools/${tool.name}`, `About ${tool.name}`, describeTool(tool))),
  ];
}

function listRoute(path: string, summary: string, value: unknown): Route {
  const described = { summary, responses: { 200: { description: 'OK' } } };
  return { method: 'GET', path, described, answer: async () => ({ status: 200, value }) };
}

function callRoute({ method, path }: Row, tool: Tool): Route {
  return {
    method,
    path,
    described: describeCall(method, path, tool),
    async answer(asked) {
      const args = await argumentsOf(asked, method, tool);
      return args === undefined || isProblem(args) ? args : call(asked, tool, args);
    },
  };
}

async function argumentsOf(
  { request, url, path, yard }: Asked,
  method: Method,
  tool: Tool,
): Promise<Args | Problem | undefined> {
  if (method === 'GET') return together(path, argumentsIn(url.searchParams, shapeOf(tool).input));
  const [stray] = url.searchParams.keys();
  if (stray !== undefined) return malformed(`"${stray.slice(0, 80)}" stands in the query`, 'put it into the JSON body');
  const body = await readJson(request, yard.config.http.max_body_bytes);
  switch (body.kind) {
    case 'gone':
      return undefined;
    case 'problem':
      return body.problem;
    case 'object':
      return together(path, body.value);
  }
}

/** What the path says is not said a second time: which of the two would be meant? */
function together(path: Readonly<Record<string, string>>, more: Args): Args | Problem {
  const twice = Object.keys(path).find((name) => Object.hasOwn(more, name));
  if (twice === undefined) return { ...more, ...path };
  return malformed(`${twice} is given beside the path`, `leave it out: the path says ${twice}`);
}

async function call(asked: Asked, tool: Tool, args: Args): Promise<Answer | Problem> {
  const { request, caller, yard, signal } = asked;
  const named = callId(request, caller, tool.name, args);
  if (isProblem(named)) return named;
  const ctx = { yard, caller, signal, ...(named !== undefined && { call: named }) };
  const called = await callTool(tool, ctx, args);
  return called.kind === 'refused' ? refused(called.refusal) : answered(called.value);
}

/** A task that was made has an address. */
function answered(value: Args): Answer {
  const { id, project, created } = value;
  if (created !== true || typeof id !== 'string' || typeof project !== 'string') return { status: 200, value };
  const location = `/api/v1/tasks/${encodeURIComponent(project)}/${encodeURIComponent(id)}`;
  return { status: 201, value, headers: { location } };
}
