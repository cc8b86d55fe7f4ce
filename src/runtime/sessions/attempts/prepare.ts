import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Start } from '../../agents/agent.ts';
import { type ChosenConversation, chooseConversation, transcriptOf } from '../../conversations/choose.ts';
import { attemptPrompt } from '../../conversations/prompt.ts';
import { readConversationRecord } from '../../conversations/record.ts';
import type { Claimed } from '../../dispatcher/launch.ts';
import { codingAgent } from '../../model/config.ts';
import { isRefusal } from '../../model/refusal.ts';
import type { AgentRoute } from '../../model/route.ts';
import type { LiveTask } from '../../model/task.ts';
import { narrowMode, narrowTools } from '../../policy/narrow.ts';
import { type AttemptIdentity, agentEnvironment } from '../../runs/environment.ts';
import { runDirOf } from '../../runs/order.ts';
import { promptInFile } from '../../runs/prompt.ts';
import { parseTask } from '../../taskfile/parse.ts';
import type { PaneProgram } from '../../terminals.ts';
import type { Seat } from '../seats.ts';
import type { SessionAttemptPorts } from './attempt-ports.ts';
import { type RunRecord, sessionFiles, writeRecord } from './run-record.ts';

const LONGEST_ARGUMENT = 120_000; // bytes; Linux takes 128 KiB in one argument
const MARGIN_SECONDS = 60; // a hook waits a little longer than we do

export type Prepared =
  | { readonly kind: 'ready'; readonly dir: string; readonly record: RunRecord; readonly program: PaneProgram }
  /** The task's own fault: another start would end in the same way. */
  | { readonly kind: 'unfit'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
  /** No account is ready, or somebody else works in its conversation. */
  | { readonly kind: 'wait'; readonly reason: string; readonly until?: number };

/** Writes what the agent is to find in its run directory, and says what is to be started. Starts nothing. */
export async function prepareSession(
  ports: SessionAttemptPorts,
  claimed: Claimed<AgentRoute>,
  seat: SeatOfAttempt,
): Promise<Prepared> {
  const { task, bytes } = claimed;
  const parsed = parseTask(bytes);
  if (isRefusal(parsed)) return { kind: 'unfit', reason: parsed.message };
  const opened = await ports.workspaces.open(task);
  if (opened.kind !== 'ready') return opened;
  const { cwd } = opened;
  const project = ports.store.projects().find(({ id }) => id === task.project)?.path ?? cwd;
  const prefer = (await readConversationRecord(ports.files, runDirOf(ports.home, task, task.attempt - 1)))?.profile;
  const profile = ports.profiles.choose(seat.agent, prefer === undefined ? {} : { prefer });
  if ('wait' in profile) {
    const { wait: _, ...why } = profile;
    return { kind: 'wait', ...why };
  }
  const account = profile.config_dir === undefined ? {} : { config_dir: profile.config_dir };
  const resume_dir = expanded(ports.config(task.project).dispatcher.resume_dir, ports.userHome);
  const wanted = { task, seat, agent: ports.agent(seat.agent), cwd, ...account };
  const chosen = await chooseConversation(ports, { ...wanted, ...(resume_dir !== undefined && { resume_dir }) });
  if (isRefusal(chosen)) return { kind: 'unfit', reason: `${chosen.message}; ${chosen.hint}` };
  const api_key = environmentOf(ports, task, seat).ANTHROPIC_API_KEY;
  const where = { ...account, home: ports.userHome, cwd, ...(api_key !== undefined && { api_key }) };
  const refused = await wanted.agent.accept(ports, where);
  if (refused) return { kind: 'refused', reason: `${refused.message}; ${refused.hint}` };
  return written(ports, {
    claimed,
    seat,
    body: parsed.body,
    cwd,
    project,
    complaint: await ports.checks.complaint(task),
    chosen,
    account,
    profile: profile.name,
  });
}

type SeatOfAttempt = Pick<Seat, 'name' | 'kind' | 'agent'>;

interface Attempt {
  readonly claimed: Claimed<AgentRoute>;
  readonly seat: SeatOfAttempt;
  readonly body: string;
  readonly cwd: string;
  /** The project's own folder: where its queue is. */
  readonly project: string;
  readonly complaint: string | undefined;
  readonly chosen: ChosenConversation;
  readonly account: { readonly config_dir?: string };
  readonly profile: string;
}

async function written(ports: SessionAttemptPorts, attempt: Attempt): Promise<Prepared> {
  const { files, chance, home } = ports;
  const { lease, task } = attempt.claimed;
  const dir = runDirOf(home, lease.task, lease.attempt);
  const nonce = `run-${chance.hex(12)}`;
  const paths = sessionFiles(dir);
  for (const folder of [dir, paths.hooks, paths.answers]) await files.makeDir(folder);
  const prompt = promptOf(ports, attempt, nonce);
  await files.replace(paths.prompt, Buffer.from(prompt));
  const isLong = Buffer.byteLength(prompt) > LONGEST_ARGUMENT;
  const shown = isLong ? promptInFile({ file: `${task.id}.md`, nonce, path: paths.prompt }) : prompt;
  const start = await composed(ports, attempt, dir, shown);
  for (const { name, text } of start.files) await files.replace(join(dir, name), Buffer.from(text));
  const record = recordOf(ports, attempt, nonce, prompt);
  await writeRecord(files, dir, record);
  await ports.checks.before(task, dir, attempt.cwd);
  return { kind: 'ready', dir, record, program: programOf(ports, attempt, record, dir, start) };
}

async function composed(
  ports: SessionAttemptPorts,
  { claimed: { task, route }, seat, cwd, chosen, account }: Attempt,
  run_dir: string,
  prompt: string,
): Promise<Start> {
  const config = ports.config(task.project);
  const settings = codingAgent(config, seat.agent);
  return ports.agent(seat.agent).compose({
    ...{ agent: settings, run_dir, cwd, prompt, conversation: chosen.conversation, ...account },
    ...(chosen.resumes !== undefined && { resume: chosen.resumes }),
    ...(route.model !== undefined && { model: route.model }),
    permission_mode: narrowMode(settings.permission_mode, task.spec.permission_mode),
    allowed_tools: narrowTools(settings.allowed_tools, task.spec.allowed_tools),
    reporter: await ports.reporter(),
    wait_seconds: Math.ceil(config.blocked_timeout / 1_000) + MARGIN_SECONDS,
  });
}

function recordOf(ports: SessionAttemptPorts, attempt: Attempt, nonce: string, prompt: string): RunRecord {
  const { seat, cwd, chosen, account, profile, claimed } = attempt;
  const { model } = claimed.route;
  const where = { ...account, home: ports.userHome, cwd, conversation: chosen.conversation };
  return {
    ...{ agent: seat.agent, session: seat.name, conversation: chosen.conversation, cwd, nonce, profile, ...account },
    ...(chosen.resumes === undefined
      ? ports.agent(seat.agent).names === 'itself' && { unnamed: true as const }
      : { resumes: chosen.resumes }),
    ...(model !== undefined && { model }),
    transcript: transcriptOf(chosen) ?? ports.agent(seat.agent).transcript(where),
    transcript_from: chosen.from,
    task_nonce: chosen.task_nonce ?? nonce,
    prompt_sha256: createHash('sha256').update(prompt).digest('hex'),
    prepared_at: ports.clock.now(),
  };
}

function programOf(
  ports: SessionAttemptPorts,
  { claimed: { lease, task }, seat, cwd }: Attempt,
  { nonce, conversation }: RunRecord,
  run_dir: string,
  start: Start,
): PaneProgram {
  const { project, id } = lease.task;
  const identity = { task: id, project, attempt: lease.attempt, run: nonce, run_dir, token: lease.token };
  const { TERM: _, ...env } = environmentOf(ports, task, seat, identity); // tmux knows what its panes are
  return {
    argv: ports.runner.enclose(run_dir, nonce, start.argv),
    cwd,
    env: { ...env, ...start.env },
    facts: { name: seat.name, project, task: id, attempt: String(lease.attempt), agent_session: conversation },
  };
}

function environmentOf(
  ports: SessionAttemptPorts,
  { project }: Pick<LiveTask, 'project'>,
  seat: SeatOfAttempt,
  identity: AttemptIdentity = { task: '', project, attempt: 0, run: '', run_dir: '', token: '' },
): Record<string, string> {
  return agentEnvironment(ports.env, codingAgent(ports.config(project), seat.agent), identity);
}

function promptOf(ports: SessionAttemptPorts, attempt: Attempt, nonce: string): string {
  const { body, chosen, project, complaint } = attempt;
  const { task } = attempt.claimed;
  const { closing } = ports.config(task.project).prompt;
  const { result_schema } = task.spec;
  const words = { task, body, project, nonce, closing, complaint, ...(result_schema && { result_schema }) };
  return attemptPrompt({ ...words, told: chosen.task_nonce !== undefined });
}

function expanded(path: string | undefined, userHome: string): string | undefined {
  return path?.startsWith('~/') ? join(userHome, path.slice(2)) : path;
}
