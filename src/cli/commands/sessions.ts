import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { usage } from '../failure.ts';
import { meant, SESSION_OR_TASK, sessionMeant } from '../session-meant.ts';
import { wholeNumber } from './list.ts';

interface Options {
  all?: boolean;
  transcript?: boolean;
  lines?: string;
  print?: boolean;
  json?: boolean;
}

export function sessionCommands(program: Command, cli: Cli): void {
  sessions(program, cli);
  read(program, cli);
  attach(program, cli);
  send(program, cli);
  interrupt(program, cli);
  adopt(program, cli);
}

function sessions(program: Command, cli: Cli): void {
  program
    .command('sessions')
    .summary('list sessions, runs and slots, those that need you first')
    .description(
      'Lists where agents work: sessions, runs without a terminal (project/task) and slots of command agents. Those that need a person come first, with what to run.',
    )
    .option('-a, --all', 'also sessions of the same agents that are not ours')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExamples:\n  yardmaster sessions\n  yardmaster sessions --all --json')
    .action(async (options: Options) => {
      const { sessionsView } = await import('../views/sessions.ts');
      await cli.show('list_sessions', options.all ? { all: true, limit: 200 } : { limit: 200 }, options, sessionsView);
    });
}

function read(program: Command, cli: Cli): void {
  program
    .command('read')
    .summary('read what a session shows')
    .description(
      "Shows the end of a session's screen, of its conversation, or of what an agent without a terminal does or has written.",
    )
    .argument('<session|task>', SESSION_OR_TASK)
    .option('-n, --lines <number>', 'the last so many lines')
    .option('-t, --transcript', 'the last messages of the conversation instead of the screen')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster read shop-main --lines 50\n  yardmaster read shop/fix-login --transcript',
    )
    .action(async (given: string, options: Options) => {
      const { screenView } = await import('../views/sessions.ts');
      const lines = options.lines === undefined ? {} : { lines: wholeNumber(options.lines, '--lines') };
      const from = options.transcript ? { from: 'transcript' } : {};
      await cli.show('read_session', { ...(await sessionMeant(cli, given)), ...lines, ...from }, options, screenView);
    });
}

function attach(program: Command, cli: Cli): void {
  program
    .command('attach')
    .summary('look at a session, and type in it')
    .description(
      'Attaches this terminal to a session (leave it with the prefix and d; the agent works on). Inside tmux it switches to the session where it is on the same server.',
    )
    .argument('<session|task>', SESSION_OR_TASK)
    .option('--print', 'only print the command')
    .option('--json', 'print the command as JSON')
    .addHelpText('after', '\nExamples:\n  yardmaster attach shop-main\n  yardmaster attach shop/fix-login --print')
    .action(async (given: string, options: Options) => {
      const { attachTo } = await import('../attach.ts');
      await attachTo(cli, meant(cli, given), options);
    });
}

function send(program: Command, cli: Cli): void {
  program
    .command('send')
    .summary('say something to a session')
    .description(
      'Sends a message to the agent of a session, from the arguments or from stdin. It never answers a request: `yardmaster approve`, `deny` and `answer` do.',
    )
    .argument('<session|task>', SESSION_OR_TASK)
    .argument('[text...]', 'the message; - or nothing reads it from stdin')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster send shop-main "Please run the tests too"\n  git diff | yardmaster send shop/fix-login',
    )
    .action(async (given: string, words: string[], options: Options) => {
      const { sentView } = await import('../views/sessions.ts');
      const text = await message(cli, words);
      await cli.show('message_session', { ...(await sessionMeant(cli, given)), text }, options, sentView);
    });
}

async function message(cli: Cli, words: readonly string[]): Promise<string> {
  const given = words.length > 0 && !(words.length === 1 && words[0] === '-');
  if (!given && words.length === 0 && cli.around.ask)
    throw usage('there is nothing to send', 'Give the text as an argument, or - for stdin.');
  const text = given ? words.join(' ') : (await cli.around.stdin()).trimEnd();
  if (text === '') throw usage('there is nothing to send: the text is empty', 'Nothing was sent.');
  return text;
}

function interrupt(program: Command, cli: Cli): void {
  program
    .command('interrupt')
    .summary('stop what an agent does now')
    .description(
      'Stops what the agent of a session does now, as Escape would. Its task goes on as `interrupted` says in the configuration; `yardmaster cancel` ends the task.',
    )
    .argument('<session|task>', SESSION_OR_TASK)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  yardmaster interrupt shop-main')
    .action((given: string, options: Options) => act(cli, 'yardmaster/interrupt', meant(cli, given), options));
}

function adopt(program: Command, cli: Cli): void {
  program
    .command('adopt')
    .summary('take over a tmux session that is not ours')
    .description(
      'Takes over a tmux session that bears a configured name and was made by somebody else. What runs in it stays until its next task.',
    )
    .argument('<foreign>', 'its name')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  yardmaster adopt shop-main')
    .action((name: string, options: Options) => act(cli, 'yardmaster/adopt', { name }, options));
}

async function act(cli: Cli, method: string, params: Structured, options: Options): Promise<void> {
  const { sessionsView } = await import('../views/sessions.ts');
  const session = (await cli.connection().request(method, params)) as Structured;
  cli.print(session, options, (one, look) => sessionsView({ sessions: [one] }, look));
}
