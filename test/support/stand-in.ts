import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Parts, Runtime } from '../../src/assembly.ts';
import { findHome } from '../../src/home.ts';
import { errorLog } from '../../src/log.ts';
import { runProgram } from '../../src/program.ts';
import type { Resource } from '../../src/resources/resource.ts';
import type { Project } from '../../src/runtime/model/event.ts';
import { refuse } from '../../src/runtime/model/refusal.ts';
import type { Caller, Yard } from '../../src/runtime/yard.ts';
import { defineTool } from '../../src/tools/tool.ts';

/* A whole program around a runtime that is hardly one: what a process, a bridge and a client do can be seen with it. */

const reading = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

export const echo = defineTool({
  name: 'echo',
  title: 'Echo',
  description: 'Answers with its text.',
  input: z.object({
    text: z.string().max(20_000_000),
    priority: z.enum(['critical', 'high', 'default', 'low']).optional(),
  }),
  output: z.object({ text: z.string(), pid: z.number() }),
  hints: reading,
  meta: { 'anthropic/alwaysLoad': true },
  handle: async (_ctx, { text }) => ({ text, pid: process.pid }),
});

export const whoami = defineTool({
  name: 'whoami',
  title: 'Who am I',
  description: 'The caller as the runtime knows it.',
  input: z.object({}),
  output: z.object({
    principal: z.string(),
    name: z.string(),
    bridge: z.string().optional(),
    call: z.string().optional(),
  }),
  hints: reading,
  handle: async ({ caller, call }) => ({
    principal: caller.principal,
    name: caller.name,
    bridge: caller.bridge,
    call,
  }),
});

/** Leaves a trace of its beginning and of its end, whichever comes. */
export const linger = defineTool({
  name: 'linger',
  title: 'Linger',
  description: 'Answers after a while, or when it is cancelled.',
  input: z.object({ ms: z.number(), trace: z.string() }),
  output: z.object({ waited: z.number() }),
  hints: reading,
  handle: async ({ signal, yard }, { ms, trace }) => {
    const file = join(yard.home, trace);
    appendFileSync(file, 'began\n');
    await sleep(ms, undefined, { signal }).catch(() => appendFileSync(file, 'cancelled\n'));
    return { waited: ms };
  },
});

export const accept = defineTool({
  name: 'accept',
  title: 'Accept',
  description: 'Takes a list of things.',
  input: z.object({ tasks: z.array(z.strictObject({ body: z.string(), priority: z.string().optional() })).max(3) }),
  output: z.object({ accepted: z.number() }),
  hints: { ...reading, readOnlyHint: false },
  handle: async (_ctx, { tasks }) =>
    tasks.length === 0
      ? refuse('not_possible', 'There is nothing to take.', 'Call accept with one.')
      : { accepted: tasks.length },
});

export const broken = defineTool({
  name: 'broken',
  title: 'Broken',
  description: 'Has a bug.',
  input: z.object({}),
  output: z.object({}),
  hints: reading,
  handle: async () => {
    throw new Error('a bug');
  },
});

const inbox: Resource = {
  name: 'inbox',
  uri: 'queue://inbox',
  title: 'Inbox',
  description: 'What waits.',
  mimeType: 'text/markdown',
  read: async () => ({ mimeType: 'text/markdown', text: '# Inbox\n' }),
};

const task: Resource = {
  name: 'task',
  uri: 'task://{project}/{id}',
  title: 'Task',
  description: 'One task.',
  mimeType: 'text/markdown',
  read: async (_ctx, { project, id }) =>
    id === 'none'
      ? refuse('not_found', `There is no task none in ${project}.`, 'Call list_tasks.')
      : { mimeType: 'text/markdown', text: `${project} / ${id}` },
  complete: {
    project: async (_ctx, typed) => ['shop', 'shed', 'lab'].filter((name) => name.startsWith(typed)),
    id: async (_ctx, typed, given) => [`${given.project}-1`, `${given.project}-2`].filter((id) => id.startsWith(typed)),
  },
};

const attempt: Caller = { principal: 'attempt', name: 'attempt of a', task: {} as never, depth: 1 };

async function start({ home }: { home: { dir: string } }): Promise<Runtime> {
  if (existsSync(join(home.dir, 'refuse-to-start'))) throw new Error('told not to');
  appendFileSync(join(home.dir, 'starts'), `${process.pid}\n`);
  let changed: (uris: readonly string[]) => void = () => {};
  const quiet = existsSync(join(home.dir, 'quiet'));
  const timer = setInterval(() => quiet || changed(['queue://inbox', 'task://shop/1']), 50);
  return {
    yard: { home: home.dir, store: { projects: () => [] as readonly Project[] } } as Yard,
    ready: existsSync(join(home.dir, 'recover-slowly')) ? sleep(700) : Promise.resolve(),
    caller: (token) => (token === 'secret' ? attempt : undefined),
    sessionCaller: (session) => (session === 'ours' ? attempt : undefined),
    watch: (listener) => {
      changed = listener;
      return () => {};
    },
    stop: async () => {
      clearInterval(timer);
      appendFileSync(join(home.dir, 'stops'), `${process.pid}\n`);
    },
  };
}

export const surface = {
  tools: [echo, whoami, linger, accept, broken],
  resources: [inbox, task],
  prompts: [],
  instructions: 'Use echo.',
};

/** What another build may offer. */
const fewer = { ...surface, tools: [echo, whoami] };

const parts: Parts = {
  log: () => errorLog(),
  start,
  surface: async () => {
    const offered = existsSync(join(findHome(process.env).dir, 'fewer-tools')) ? fewer : surface;
    return { default: offered, worker: { ...offered, tools: [whoami] } };
  },
  methods: async () => ({
    'yardmaster/twice': async (_yard, params) => ({ twice: Number(params.of) * 2 }),
    'yardmaster/no': async () => refuse('busy', 'Not now.', 'Later.'),
  }),
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  runProgram({
    argv: process.argv.slice(2),
    env: process.env,
    file: fileURLToPath(import.meta.url),
    parts: async () => parts,
    cli: async () => async (argv) => {
      process.stderr.write(`no command ${argv.join(' ')}\n`);
      return 2;
    },
  }).then((code) => {
    process.exitCode = code;
  });
}
