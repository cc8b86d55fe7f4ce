import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { StopOrder, Stopping } from '../../runtime/yard.ts';
import { isToolset, unknownToolset } from '../../toolset.ts';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { EXIT, Failure, unreachable } from '../failure.ts';
import { pause } from '../pause.ts';

/** The longest that an orderly shutdown takes, and a little more. */
const STOP_MS = 70_000;

const LOCAL_ONLY =
  'send no callback and delegate nothing, until the next start; for good: local_only in yardmaster.yaml';

export function daemonCommands(program: Command, cli: Cli): void {
  program
    .command('mcp')
    .summary('serve an MCP client over stdio')
    .description(
      'Carries an MCP client to the runtime, which is started when none runs. This is the command to give to a client.',
    )
    .option('--embedded', 'run the runtime inside this process instead')
    .option('--toolset <name>', 'default, or worker (for programs of your own that take tasks)')
    .addHelpText('after', '\nExample:\n  claude mcp add yardmaster -- yardmaster mcp')
    .action(({ embedded, toolset = 'default' }: { embedded?: boolean; toolset?: string }) => {
      if (!isToolset(toolset))
        throw new Failure(
          EXIT.usage,
          unknownToolset(toolset),
          'yardmaster mcp --toolset worker; without it the usual tools are offered',
        );
      return finish(cli.runtime.mcp({ embedded: embedded === true, toolset }));
    });
  program
    .command('serve')
    .summary('run the runtime in the foreground')
    .description(
      'Runs the runtime in the foreground until it is interrupted. It waits for runs at work then, as `yardmaster stop` does, and a second interrupt hurries; sessions and jobs go on without it.',
    )
    .option('--set <section.key=value...>', 'a value of the configuration, over files and environment')
    .option('--local-only', LOCAL_ONLY)
    .addHelpText('after', '\nExamples:\n  yardmaster serve\n  yardmaster serve --set headless.max_running=4')
    .action(({ set, localOnly }: { set?: string[]; localOnly?: boolean }) =>
      serve(cli, localOnly ? [...(set ?? []), 'local_only=true'] : set),
    );
  program
    .command('start')
    .summary('start the runtime in the background')
    .description('Starts the runtime in the background. Does nothing when it runs.')
    .option('--local-only', LOCAL_ONLY)
    .addHelpText('after', '\nExamples:\n  yardmaster start\n  yardmaster start --local-only')
    .action(({ localOnly }: { localOnly?: boolean }) => start(cli, localOnly === true));
  program
    .command('stop')
    .summary('stop the runtime')
    .description(
      'Stops the runtime in order: it starts nothing any more, and waits for runs at work for as long as shutdown.wait says. What has not ended then goes on, as do sessions and jobs, and is found again at the next start; an answer of a chat begins again. A second `stop --now`, or a second signal, hurries.',
    )
    .option('--now', 'wait for nothing')
    .option('--kill', 'end the runs that are still at work then; they go back to the queue, and nothing is counted')
    .addHelpText('after', '\nExamples:\n  yardmaster stop\n  yardmaster stop --now --kill')
    .action((options: StopOrder) => stop(cli, options));
}

async function finish(running: Promise<number>): Promise<void> {
  const code = await running;
  if (code !== 0) throw new ProgramEnded(code);
}

/** The runtime or the bridge ended with a code of its own and has said why. */
export class ProgramEnded extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`ended with ${code}`);
    this.code = code;
  }
}

async function serve(cli: Cli, set: readonly string[] | undefined): Promise<void> {
  const [{ welcome }, { foregroundView }] = await Promise.all([
    import('../welcome.ts'),
    import('../views/stopping.ts'),
  ]);
  const text = await welcome(cli, set);
  await finish(
    cli.runtime.serve({
      listening: (http) => cli.say(text(http)),
      stopping: (state) => cli.say(foregroundView(state, cli.look())),
      ...(set && { set }),
    }),
  );
}

async function start(cli: Cli, localOnly: boolean): Promise<void> {
  const running = await cli.runtime.connect({ start: false }).catch(() => undefined);
  running?.destroy();
  if (running !== undefined && localOnly)
    throw new Failure(
      EXIT.refused,
      'the runtime runs already, and is as it was started: --local-only changes nothing in it',
      'yardmaster status says whether it is local only. yardmaster stop, then yardmaster start --local-only; or set local_only: true in yardmaster.yaml.',
    );
  if (running === undefined) {
    const begun = await cli.runtime.connect({
      start: true,
      ...(localOnly && { env: { YARDMASTER_LOCAL_ONLY: 'true' } }),
    });
    begun?.destroy();
    await cli.connection({ start: false }).request('ping', {});
  }
  cli.say(`the runtime ${running ? 'runs already' : 'is started'} at ${cli.runtime.socket}`);
}

async function stop(cli: Cli, options: StopOrder): Promise<void> {
  const running = await cli.runtime.connect({ start: false });
  if (running === undefined) return cli.say('no runtime runs');
  running.destroy();
  const connection = cli.connection({ start: false });
  const { pid } = (await connection.request('yardmaster/status', {})) as { pid?: number };
  const last = await waitsFor(cli, connection, await connection.last('yardmaster/shutdown', options));
  const closed = await connection.closed(STOP_MS);
  if (!closed || (pid !== undefined && !(await gone(pid, cli.around.signal))))
    throw unreachable(
      `the runtime has not ended after ${STOP_MS / 1_000} s`,
      'It may still be closing; try again, or look at its log.',
    );
  const { stoppedView } = await import('../views/stopping.ts');
  cli.say(stoppedView(last));
}

/** Says what the runtime waits for until it waits no more; what it said last. */
async function waitsFor(cli: Cli, connection: Connection, first: unknown): Promise<Stopping | undefined> {
  const { waitingView } = await import('../views/stopping.ts');
  let last = stateIn(first);
  for (let now = last; now && now.runs.length > 0 && !now.over && !cli.around.signal.aborted; ) {
    cli.say(waitingView(now, cli.look()));
    const seen = { seen: now.runs.length };
    now = stateIn(await connection.request('yardmaster/stopping', seen).catch(() => undefined)); // it has closed
    last = now ?? last;
  }
  return last;
}

function stateIn(answer: unknown): Stopping | undefined {
  return (answer as { winding_down?: Stopping } | undefined)?.winding_down;
}

/** Its connections end before its work does: only its end says that everything is put away. */
async function gone(pid: number, signal: AbortSignal): Promise<boolean> {
  for (const until = Date.now() + STOP_MS; Date.now() < until && !signal.aborted; await pause(20, signal))
    if (!lives(pid)) return true;
  return false;
}

/** A process that has ended and waits for its parent to notice lives no more. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
