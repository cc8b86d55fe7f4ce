import { join, resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import type { HttpState } from '../../assembly.ts';
import type { Cli } from '../cli.ts';
import { type Block, blockFor, CLIENTS, type ClientName, TOKEN_VARIABLE, type Way } from '../clients/clients.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { sourcesOf } from './config.ts';

interface Options {
  http?: boolean;
  url?: string;
  withToken?: boolean;
  write?: boolean | string;
  replace?: boolean;
}

export function mcpConfigCommand(program: Command, cli: Cli): void {
  program
    .command('mcp-config')
    .summary('what to put into an MCP client’s configuration')
    .description(
      'Prints the block that connects an MCP client to this runtime, with the paths of this machine, and says into which file it goes.',
    )
    .addArgument(new Argument('<client>', 'whose configuration').choices(CLIENTS))
    .option('--http', 'over HTTP instead of stdio')
    .option('--url <url>', 'the address of the HTTP endpoint; default: that of the runtime')
    .option('--with-token', 'put the token into the block; without, the client takes it from YARDMASTER_TOKEN')
    .option('--write [file]', 'put it into the client’s file, beside what is there')
    .option('--replace', 'with --write: in place of another entry of the same name')
    .addHelpText(
      'after',
      `
Examples:
  yardmaster mcp-config claude > .mcp.json
  yardmaster mcp-config codex >> ~/.codex/config.toml
  yardmaster mcp-config gemini --write`,
    )
    .action((client: ClientName, options: Options) => mcpConfig(cli, client, options));
}

async function mcpConfig(cli: Cli, client: ClientName, options: Options): Promise<void> {
  const way = options.http || options.url !== undefined ? await byHttp(cli, options) : await byStdio(cli);
  const block = blockFor(client, way);
  if (options.write !== undefined) return write(cli, block, options);
  const { render } = await import('../clients/render.ts');
  cli.around.out(render(block));
  for (const line of advice(cli, block, way)) cli.note(line);
}

async function byStdio(cli: Cli): Promise<Way> {
  const { placesOf, programPaths } = await import('../clients/program.ts');
  const [command = 'yardmaster', ...args] = programPaths(cli);
  return { kind: 'stdio', command, args: [...args, 'mcp'], env: placesOf(cli) };
}

async function byHttp(cli: Cli, { url, withToken }: Options): Promise<Way> {
  const checked = url === undefined ? await address(cli) : httpUrl(url);
  return { kind: 'http', url: checked, token: withToken ? await token(cli) : undefined };
}

function httpUrl(given: string): string {
  if (/^https?:\/\//.test(given) && URL.canParse(given)) return given;
  throw usage(`--url ${given} is no address`, `For instance ${USUAL}`);
}

const HTTP_NEEDED = 'http.enabled and http.port in yardmaster.yaml say where; stdio needs none of it.';
const USUAL = 'http://127.0.0.1:7431/mcp';

/** Where the runtime listens, or would. */
async function address(cli: Cli): Promise<string> {
  const running = await cli.runtime.connect({ start: false }).catch(() => undefined);
  if (running === undefined) return configured(cli);
  running.destroy();
  const { http } = (await cli.connection({ start: false }).request('yardmaster/status', {})) as { http?: HttpState };
  if (http?.state === 'on') return `${http.url}/mcp`;
  if (http?.reason === undefined) return configured(cli); // it may still be opening
  throw new Failure(EXIT.refused, `the runtime does not listen on HTTP: ${http.reason}`, HTTP_NEEDED);
}

async function configured(cli: Cli): Promise<string> {
  const { loadConfig } = await import('../../runtime/config/load.ts');
  const { enabled, host, port } = (await loadConfig(sourcesOf(cli))).config?.http ?? {};
  if (enabled === false) throw new Failure(EXIT.refused, 'HTTP is switched off: http.enabled is false', HTTP_NEEDED);
  if (port === 0)
    throw new Failure(EXIT.refused, 'http.port is 0: only a running runtime knows its port', 'yardmaster start');
  return host === undefined ? USUAL : `http://${host.includes(':') ? `[${host}]` : host}:${port}/mcp`;
}

/** Made when there is none, as `yardmaster token` does. */
async function token({ runtime }: Cli): Promise<string> {
  const [{ homeAt, makeHome }, { ensureToken }] = await Promise.all([
    import('../../home.ts'),
    import('../../token.ts'),
  ]);
  const home = homeAt(runtime.home);
  makeHome(home);
  return ensureToken(home.token);
}

/** For people, beside the block: a pipe takes the block alone. */
function advice(cli: Cli, { title, file, check, beside }: Block, way: Way): string[] {
  const asksItself = beside !== undefined;
  return [
    `this goes into ${placeOf(cli, file)} (--write puts it there); then: ${check}`,
    ...(way.kind === 'http' && way.token === undefined && !asksItself
      ? [`${title} reads the token from its environment: export ${TOKEN_VARIABLE}="$(yardmaster token)"`]
      : []),
  ];
}

async function write(cli: Cli, block: Block, { write: given, replace }: Options): Promise<void> {
  const { writeBlock } = await import('../clients/write.ts');
  const path = typeof given === 'string' ? resolve(cli.around.cwd, given) : placeOf(cli, block.file);
  const done = await writeBlock(path, block, { replace: replace === true });
  cli.say(done === 'written' ? `${path} is written; see: ${block.check}` : `${path} has it already`);
}

/** Codex and Gemini CLI can be told to live elsewhere. */
function placeOf({ around: { env, userHome, cwd } }: Cli, file: string): string {
  if (file.startsWith('~/.codex/') && env.CODEX_HOME) return join(env.CODEX_HOME, file.slice('~/.codex/'.length));
  return file.startsWith('~/') ? join(userHome, file.slice(2)) : resolve(cwd, file);
}
