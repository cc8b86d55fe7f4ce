import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { usage } from '../failure.ts';
import { taskRef } from '../project.ts';
import { fieldLines } from '../views/fields.ts';
import { wholeNumber } from './list.ts';

interface Options {
  lines?: string;
  reason?: string;
  answer?: string[];
  task?: boolean;
  json?: boolean;
}

export function sessionCommands(program: Command, cli: Cli): void {
  program
    .command('sessions')
    .summary('list sessions and slots')
    .description('Lists the places where agents work: sessions, headless runs and slots of command agents.')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  yardmaster sessions')
    .action(async (options: Options) => {
      const { sessionsView } = await import('../views/sessions.ts');
      await cli.show('list_sessions', {}, options, sessionsView);
    });
  program
    .command('read')
    .summary('read what a session shows')
    .description('Shows the newest output of a session.')
    .argument('<session>', 'its name, as `yardmaster sessions` lists it')
    .option('-n, --lines <number>', 'the last so many lines')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  yardmaster read lint-bot-1 --lines 50')
    .action(async (name: string, options: Options) => {
      const { screenView } = await import('../views/sessions.ts');
      const lines = options.lines === undefined ? {} : { lines: wholeNumber(options.lines, '--lines') };
      await cli.show('read_session', { name, ...lines }, options, screenView);
    });
  program
    .command('message')
    .summary('say something to a session')
    .description('Sends a message to the agent of a session. It never answers a request; `yardmaster answer` does.')
    .argument('<session>', 'its name, as `yardmaster sessions` lists it; with --task a task')
    .argument('<text...>', 'the message')
    .option('--json', 'print the answer as JSON')
    .option('-t, --task', 'name the task that the session works on instead')
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster message shop-main "Please run the tests too"\n  yardmaster message --task shop/fix-login "Keep the old URL"',
    )
    .action(async (name: string, text: string[], options: Options) => {
      const which = options.task ? taskRef(cli, name, undefined) : { name };
      await cli.show('message_session', { ...which, text: text.join(' ') }, options, fieldLines);
    });
  answerCommand(program, cli);
}

function answerCommand(program: Command, cli: Cli): void {
  program
    .command('answer')
    .summary("answer an agent's request")
    .description('Allows or denies what an agent asks for, or answers its questions.')
    .argument('<request>', 'the request, as `yardmaster status` names it')
    .argument('[decision]', 'allow or deny')
    .option('-r, --reason <text>', 'why; the agent reads it')
    .option('-a, --answer <question=answer...>', 'an answer to one of its questions')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster answer req-7 allow\n  yardmaster answer req-7 deny --reason "not on this branch"',
    )
    .action(async (request_id: string, decision: string | undefined, options: Options) => {
      await cli.show('answer_request', { request_id, ...verdict(decision, options) }, options, fieldLines);
    });
}

function verdict(decision: string | undefined, options: Options): Record<string, unknown> {
  const reason = options.reason === undefined ? {} : { reason: options.reason };
  if (options.answer) return { answers: Object.fromEntries(options.answer.map(pair)), ...reason };
  if (decision !== 'allow' && decision !== 'deny') throw usage('say allow or deny, or give --answer question=answer');
  return { decision, ...reason };
}

function pair(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw usage(`--answer: "${text}" is not question=answer`);
  return [text.slice(0, at), text.slice(at + 1)];
}
