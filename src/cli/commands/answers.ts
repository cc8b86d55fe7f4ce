import type { Command } from 'commander';
import type { AgentQuestion } from '../../runtime/model/session.ts';
import type { Cli, Structured } from '../cli.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { safeLine } from '../safe-text.ts';
import { meant } from '../session-meant.ts';

/** What an agent asks, as the runtime tells it. */
interface Asked {
  readonly request_id: string;
  readonly kind: 'permission' | 'question';
  readonly session: string;
  readonly task: { readonly id: string; readonly project: string };
  readonly tool: string;
  readonly input: string;
  readonly questions?: readonly AgentQuestion[];
  /** It was named by its own id: whoever did has seen what it asks. */
  readonly by_id: boolean;
}

interface Options {
  reason?: string;
  yes?: boolean;
  json?: boolean;
}

const WHICH = 'the request, as `yardmaster status` names it; or the session or the task that asks one thing';

export function answerCommands(program: Command, cli: Cli): void {
  program
    .command('approve')
    .summary('allow what an agent asks for')
    .description(
      'Allows one use of a tool that an agent waits for. A request that is named by its session or task is shown first, and asked about where there is a terminal.',
    )
    .argument('<request|session|task>', WHICH)
    .option('-y, --yes', 'do not ask again')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExamples:\n  yardmaster approve req-7\n  yardmaster approve shop-main')
    .action((given: string, options: Options) => decide(cli, given, 'allow', options));
  program
    .command('deny')
    .summary('deny what an agent asks for')
    .description(
      'Denies one use of a tool, or leaves a question without an answer; the agent reads the reason and goes on.',
    )
    .argument('<request|session|task>', WHICH)
    .option('-r, --reason <text>', 'why; the agent reads it')
    .option('-y, --yes', 'do not ask again')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  yardmaster deny req-7 --reason "not on this branch"')
    .action((given: string, options: Options) => decide(cli, given, 'deny', options));
  program
    .command('answer')
    .summary("answer an agent's questions")
    .description(
      'Answers the questions of an agent: as arguments, or one by one at the terminal, with the options that it offers.',
    )
    .argument('<request>', WHICH)
    .argument('[answers...]', 'question=answer; the answer alone where there is one question')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster answer req-8\n  yardmaster answer req-8 "Which database?"=postgres\n  yardmaster answer req-8 postgres',
    )
    .action((given: string, words: string[], options: Options) => answer(cli, given, words, options));
}

async function decide(cli: Cli, given: string, decision: 'allow' | 'deny', options: Options): Promise<void> {
  const asked = await requestMeant(cli, given);
  if (!asked.by_id && !options.yes) await confirm(cli, asked, decision);
  const reason = options.reason === undefined ? {} : { reason: options.reason };
  await send(cli, asked, { decision, ...reason }, options);
}

async function answer(cli: Cli, given: string, words: readonly string[], options: Options): Promise<void> {
  const asked = await requestMeant(cli, given);
  if (asked.kind === 'permission')
    throw usage(
      `${asked.request_id} asks for a permission: ${safeLine(asked.tool)}`,
      `\`yardmaster approve ${asked.request_id}\` or \`yardmaster deny ${asked.request_id}\``,
    );
  const { answersAt, answersIn } = await import('../answers.ts');
  const questions = asked.questions ?? [];
  if (words.length > 0) return send(cli, asked, { answers: answersIn(words, questions) }, options);
  if (!cli.around.ask)
    throw usage(
      `${asked.request_id} asks: ${questions.map(({ question }) => safeLine(question)).join(' ')}`,
      `Answer with: yardmaster answer ${asked.request_id} "question"=answer, for each of them. Nothing was answered.`,
    );
  await send(cli, asked, { answers: await answersAt(cli, questions) }, options);
}

async function requestMeant(cli: Cli, given: string): Promise<Asked> {
  return (await cli.connection().request('yardmaster/request', meant(cli, given))) as Asked;
}

/** Between the look and the word another request may have taken the place of the one that was seen. */
async function confirm(cli: Cli, asked: Asked, decision: 'allow' | 'deny'): Promise<void> {
  if (!cli.around.ask) return;
  const { requestView } = await import('../views/sessions.ts');
  cli.say(requestView(asked, cli.look()));
  const said = await cli.around.ask(`${decision} it? [y/N] `);
  if (!/^y(?:es)?$/i.test(said.trim())) throw new Failure(EXIT.refused, 'nothing was answered');
}

async function send(cli: Cli, asked: Asked, verdict: object, options: Options): Promise<void> {
  const { answeredView } = await import('../views/sessions.ts');
  const args = { request_id: asked.request_id, ...verdict };
  await cli.show('answer_request', args, options, (told: Structured, look) =>
    answeredView({ ...asked, ...told }, look),
  );
}
