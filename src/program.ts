import type { Socket } from 'node:net';
import type { Foreground, Parts } from './assembly.ts';
import { findHome, type Home } from './home.ts';
import type { Toolset } from './toolset.ts';

/*
 * The program as a whole: which command loads what. `mcp` is started by every client and loads the bridge alone;
 * everything else comes by lazy import.
 */

/** What the command line needs of the runtime's process. */
export interface Control {
  readonly version: string;
  readonly home: string;
  readonly socket: string;
  connect(options: { start: boolean; env?: Readonly<Record<string, string>> }): Promise<Socket | undefined>;
  readonly file: string;
  serve(foreground: Foreground): Promise<number>;
  mcp(options: { embedded: boolean; toolset: Toolset }): Promise<number>;
}

export interface ProgramOptions {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The file that Node runs; a runtime in the background is started with it again. */
  readonly file: string;
  parts(): Promise<Parts>;
  cli(): Promise<(argv: readonly string[], control: Control) => Promise<number>>;
}

/** How a runtime in the background is started. */
const BACKGROUND = ['serve', '--background'] as const;

/** Runs one command; the exit code. */
export async function runProgram(options: ProgramOptions): Promise<number> {
  const { argv } = options;
  // What clients and bridges start comes first: nothing else may slow it down.
  switch (argv.join(' ')) {
    case 'mcp':
      return mcp(options);
    case 'mcp --toolset worker':
      return mcp(options, 'worker');
    case 'mcp --embedded':
      return mcpEmbedded(options);
    case BACKGROUND.join(' '):
      return serveHere(options);
  }
  if (argv[0] === '__complete') return complete(options);
  const cli = await options.cli();
  const { version } = await import('./version.ts');
  return cli(argv, control(options, version));
}

/** For the shell, while somebody types: quick, silent, and never the reason why a runtime starts. */
async function complete({ argv: [, kind = '', typed = ''], env }: ProgramOptions): Promise<number> {
  const { completeFrom } = await import('./complete.ts');
  process.stdout.write(await completeFrom(findHome(env), { kind, typed, token: env.YARDMASTER_ATTEMPT_TOKEN }));
  return 0;
}

function control(options: ProgramOptions, version: string): Control {
  const home = findHome(options.env);
  return {
    version,
    home: home.dir,
    socket: home.socket,
    connect: ({ start, env }) => connect({ ...options, env: { ...options.env, ...env } }, home, start),
    file: options.file,
    serve: (foreground) => serveHere(options, foreground),
    mcp: ({ embedded, toolset }) => (embedded ? mcpEmbedded(options, toolset) : mcp(options, toolset)),
  };
}

async function connect(options: ProgramOptions, home: Home, start: boolean): Promise<Socket | undefined> {
  const { reach, tryConnect } = await import('./bridge/reach.ts');
  if (!start) return tryConnect(home);
  const reached = await reach(home, serveCommand(options), new AbortController().signal);
  if (typeof reached === 'string') throw new Error(reached);
  return reached;
}

async function mcp(options: ProgramOptions, toolset: Toolset = 'default'): Promise<number> {
  const { runBridge } = await import('./bridge.ts');
  await runBridge({
    home: findHome(options.env),
    program: serveCommand(options),
    input: process.stdin,
    output: process.stdout,
    toolset,
  });
  return 0;
}

async function serveHere(options: ProgramOptions, foreground?: Foreground): Promise<number> {
  const { serve } = await import('./daemon.ts');
  const daemon = { home: findHome(options.env), env: options.env, parts: await options.parts() };
  if (foreground === undefined) return serve(daemon);
  const { set, stopping, listening } = foreground;
  return serve({ ...daemon, stopping, ...(set && { set }) }, listening);
}

/** The runtime in this process, its one client served by a bridge in the same process. Ends with that client. */
async function mcpEmbedded(options: ProgramOptions, toolset: Toolset = 'default'): Promise<number> {
  const { startDaemon } = await import('./daemon.ts');
  const home = findHome(options.env);
  const daemon = await startDaemon({ home, env: options.env, parts: await options.parts(), embedded: true });
  if (daemon === undefined) return mcp(options, toolset); // another process has the home: carry bytes to it
  const stopped = new AbortController();
  void daemon.stopped.then(() => stopped.abort()); // by a signal, say; no other runtime is started in its place
  const { runBridge } = await import('./bridge.ts');
  const { stdin: input, stdout: output } = process;
  await runBridge({ home, program: { env: options.env }, input, output, toolset, signal: stopped.signal });
  await daemon.stop();
  return daemon.stopped;
}

function serveCommand({ file, env }: ProgramOptions): { serve: [string, ...string[]]; env: NodeJS.ProcessEnv } {
  return { serve: [process.execPath, ...process.execArgv, file, ...BACKGROUND], env };
}
