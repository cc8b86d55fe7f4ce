import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { HeadlessOrder, HeadlessStart } from '../agents/headless.ts';
import { type ChosenConversation, chooseConversation, transcriptOf } from '../conversations/choose.ts';
import { attemptPrompt } from '../conversations/prompt.ts';
import { readConversationRecord } from '../conversations/record.ts';
import type { Claimed } from '../dispatcher/launch.ts';
import { type CodingAgentName, codingAgent, isCodingAgent } from '../model/config.ts';
import { isRefusal } from '../model/refusal.ts';
import type { AgentRoute } from '../model/route.ts';
import { narrowMode, narrowTools } from '../policy/narrow.ts';
import type { HeldPipe, RunOrder } from '../ports.ts';
import { agentEnvironment } from '../runs/environment.ts';
import { runDirOf } from '../runs/order.ts';
import type { Prepared, RunPlace } from '../runs/program.ts';
import { promptInFile } from '../runs/prompt.ts';
import { parseTask } from '../taskfile/parse.ts';
import type { HeadlessPorts } from './ports.ts';
import { type HeadlessRecord, headlessFiles, writeHeadless } from './record.ts';

const LONGEST_ARGUMENT = 120_000; // bytes; Linux takes 128 KiB in one argument
const MARGIN_SECONDS = 60; // a hook waits a little longer than we do

/** Everything of an attempt that is decided before anything of it is written. */
interface Attempt {
  readonly claimed: Claimed<AgentRoute>;
  readonly program: CodingAgentName;
  readonly place: RunPlace;
  readonly body: string;
  /** The project's own folder: where its queue is. */
  readonly project: string;
  readonly chosen: ChosenConversation;
  readonly account: { readonly config_dir?: string };
  readonly profile: string;
}

export type PreparedRun =
  | {
      readonly kind: 'ready';
      readonly order: RunOrder;
      readonly record: HeadlessRecord;
      /** Where the agent hears more than its prompt. The prompt is on its way in it. */
      readonly input?: HeldPipe;
    }
  | Exclude<Prepared, { kind: 'ready' }>;

/**
 * Writes what the agent is to find in its run directory, and says what is to be started. Starts nothing.
 * `reserve`: takes a conversation for this attempt; who has it, where somebody does.
 */
export async function prepareHeadless(
  ports: HeadlessPorts,
  claimed: Claimed<AgentRoute>,
  place: RunPlace,
  reserve: (conversation: string) => Promise<string | undefined>,
): Promise<PreparedRun> {
  const { task, bytes, route } = claimed;
  const program = route.agent;
  if (!isCodingAgent(program)) return { kind: 'refused', reason: `${program} can't work without a terminal` };
  const parsed = parseTask(bytes);
  if (isRefusal(parsed)) return { kind: 'unfit', reason: parsed.message };
  const profile = await accountFor(ports, claimed, program);
  if ('wait' in profile) {
    const { wait: _, ...why } = profile;
    return { kind: 'wait', ...why };
  }
  const account = profile.config_dir === undefined ? {} : { config_dir: profile.config_dir };
  const chosen = await chooseConversation(ports, {
    ...{ task, agent: ports.agent(program), cwd: place.cwd, ...account },
  });
  if (isRefusal(chosen)) return { kind: 'unfit', reason: `${chosen.message}; ${chosen.hint}` };
  const writer = await reserve(chosen.conversation);
  if (writer !== undefined) return { kind: 'wait', reason: `${writer} works in its conversation` };
  const project = ports.store.projects().find(({ id }) => id === task.project)?.path ?? place.cwd;
  const attempt = { claimed, program, place, body: parsed.body, project, chosen, account, profile: profile.name };
  const refused = await trusted(ports, attempt);
  return refused ?? written(ports, attempt);
}

async function accountFor(ports: HeadlessPorts, { task }: Claimed<AgentRoute>, program: CodingAgentName) {
  const before = await readConversationRecord(ports.files, runDirOf(ports.home, task, task.attempt - 1));
  return ports.profiles.choose(program, before?.profile === undefined ? {} : { prefer: before.profile });
}

/** The person lets agents work in this folder, or none would be started in it. */
async function trusted(
  ports: HeadlessPorts,
  attempt: Attempt,
): Promise<Exclude<Prepared, { kind: 'ready' }> | undefined> {
  const { account, place, program } = attempt;
  const { ANTHROPIC_API_KEY: api_key } = environmentOf(ports, attempt, '');
  const where = { ...account, home: ports.userHome, cwd: place.cwd, ...(api_key !== undefined && { api_key }) };
  const { refuses } = ports.headless(program);
  const refused = refuses ? await refuses(ports.files, where) : await ports.agent(program).accept(ports, where);
  return refused && { kind: 'refused', reason: `${refused.message}; ${refused.hint}` };
}

async function written(ports: HeadlessPorts, attempt: Attempt): Promise<PreparedRun> {
  const { files, chance } = ports;
  const { dir } = attempt.place;
  const nonce = `run-${chance.hex(12)}`;
  const paths = headlessFiles(dir);
  for (const folder of [dir, paths.hooks, paths.answers]) await files.makeDir(folder);
  const prompt = promptOf(ports, attempt, nonce);
  await files.replace(paths.prompt, Buffer.from(prompt));
  const start = await composed(ports, attempt, prompt, nonce);
  for (const { name, text } of start.files) await files.replace(join(dir, name), Buffer.from(text));
  const record = recordOf(ports, attempt, start, nonce, prompt);
  await writeHeadless(files, dir, record);
  const env = { ...environmentOf(ports, attempt, nonce), ...start.env };
  return { kind: 'ready', record, ...(await withInput(ports, { dir, argv: start.argv, cwd: record.cwd, env }, start)) };
}

/** A prompt on the input has no bound; one that is an argument has. */
async function composed(ports: HeadlessPorts, attempt: Attempt, prompt: string, nonce: string): Promise<HeadlessStart> {
  const { program, claimed, place } = attempt;
  const order = await orderOf(ports, attempt, prompt);
  const start = ports.headless(program).compose(order);
  if (start.input.kind !== 'none' || Buffer.byteLength(prompt) <= LONGEST_ARGUMENT) return start;
  const path = headlessFiles(place.dir).prompt;
  const short = promptInFile({ file: `${claimed.task.id}.md`, nonce, path });
  return ports.headless(program).compose({ ...order, prompt: short });
}

async function orderOf(
  ports: HeadlessPorts,
  { claimed: { task, route }, program, place, chosen, account }: Attempt,
  prompt: string,
): Promise<HeadlessOrder> {
  const config = ports.of(task.project);
  const settings = codingAgent(config, program);
  const { budget_usd, max_turns, result_schema, permission_mode, allowed_tools } = task.spec;
  return {
    ...{ agent: settings, run_dir: place.dir, cwd: place.cwd, prompt, conversation: chosen.conversation, ...account },
    ...(chosen.resumes !== undefined && { resume: chosen.resumes }),
    ...(route.model !== undefined && { model: route.model }),
    permission_mode: narrowMode(settings.permission_mode, permission_mode),
    allowed_tools: narrowTools(settings.allowed_tools, allowed_tools),
    asks: {
      reporter: await ports.reporter(),
      wait_seconds: Math.ceil(config.blocked_timeout / 1_000) + MARGIN_SECONDS,
    },
    ...(budget_usd !== undefined && { budget_usd }),
    ...(max_turns !== undefined && { max_turns }),
    ...(result_schema !== undefined && { result_schema }),
  };
}

/** The pipe is held before the start, and what fits into it is there: the agent never finds an empty input. */
async function withInput(
  { files, pipes }: HeadlessPorts,
  order: RunOrder,
  { input }: HeadlessStart,
): Promise<{ order: RunOrder; input?: HeldPipe }> {
  const paths = headlessFiles(order.dir);
  switch (input.kind) {
    case 'none':
      return { order };
    case 'once':
      await files.replace(paths.stdin, Buffer.from(input.text));
      return { order: { ...order, stdin: paths.stdin } };
    case 'stream': {
      const held = await pipes.hold(paths.input);
      void held.write(input.text); // a long one is read as it comes
      return { order: { ...order, stdin: paths.input }, input: held };
    }
  }
}

function recordOf(
  ports: HeadlessPorts,
  { program, claimed, place, chosen, account, profile }: Attempt,
  start: HeadlessStart,
  nonce: string,
  prompt: string,
): HeadlessRecord {
  const { conversation, resumes, from, task_nonce } = chosen;
  const { cwd } = place;
  const { model } = claimed.route;
  const agent = ports.agent(program);
  return {
    ...{ agent: program, conversation, cwd, nonce, profile, ...account, input: start.input.kind },
    ...(resumes === undefined
      ? agent.names === 'itself' && { unnamed: true as const }
      : { resumes, ...(agent.names === 'itself' && { told: true as const }) }),
    ...(model !== undefined && { model }),
    transcript: transcriptOf(chosen) ?? agent.transcript({ ...account, home: ports.userHome, cwd, conversation }),
    transcript_from: from,
    task_nonce: task_nonce ?? nonce,
    prompt_sha256: createHash('sha256').update(prompt).digest('hex'),
    prepared_at: ports.clock.now(),
  };
}

function promptOf(ports: HeadlessPorts, { claimed, place, body, project, chosen }: Attempt, nonce: string): string {
  const { task } = claimed;
  const { closing } = ports.of(task.project).prompt;
  const told = chosen.task_nonce !== undefined;
  return attemptPrompt({ task, body, project, nonce, closing, complaint: place.complaint, told });
}

function environmentOf(
  ports: HeadlessPorts,
  { claimed: { lease, task }, program, place }: Attempt,
  run: string,
): Record<string, string> {
  const { project, id } = lease.task;
  const identity = { task: id, project, attempt: lease.attempt, run, run_dir: place.dir, token: lease.token };
  return agentEnvironment(ports.env, codingAgent(ports.of(task.project), program), identity);
}
