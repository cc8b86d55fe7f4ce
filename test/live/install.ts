import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The real agents, in the versions that the stories were told with. */
const PACKAGES = {
  claude: '@anthropic-ai/claude-code@2.1.329',
  codex: '@openai/codex@0.169.0',
  gemini: '@google/gemini-cli@0.61.0',
} as const;

export type AgentName = keyof typeof PACKAGES;

/** The program, or why it can't be had here. */
export type Installed = { readonly program: string } | { readonly missing: string };

const cache = fileURLToPath(new URL('../../node_modules/.cache/yardmaster-live/', import.meta.url));

/** Installs a real agent from the npm registry, once for all runs; it is no dependency of the project. */
export async function install(agent: AgentName): Promise<Installed> {
  const wanted = PACKAGES[agent];
  const folder = join(cache, wanted.replace(/[/@]+/g, '-').slice(1));
  const program = join(folder, 'node_modules', '.bin', agent);
  if (existsSync(program)) return { program };
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  const reason = await npmInstall(fresh, wanted);
  if (reason === undefined) settle(fresh, folder);
  rmSync(fresh, { recursive: true, force: true });
  return reason === undefined ? { program } : { missing: `${wanted} can't be installed: ${reason}` };
}

/** Whoever comes first; the others have the same. */
function settle(fresh: string, folder: string): void {
  try {
    renameSync(fresh, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
}

/** Where there is no registry, that is known within seconds. */
const IMPATIENT = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];

function npmInstall(prefix: string, wanted: string): Promise<string | undefined> {
  const args = [
    'install',
    '--prefix',
    prefix,
    '--no-audit',
    '--no-fund',
    '--no-save',
    '--loglevel=error',
    ...IMPATIENT,
  ];
  const child = spawn('npm', [...args, wanted], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 120_000 });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) =>
      resolve(
        code === 0
          ? undefined
          : said
              .replace(/\s*npm error\s*/g, ' ')
              .trim()
              .slice(0, 200) || `npm ended with ${code}`,
      ),
    );
  });
}
