import { execa } from 'execa';
import type { Git } from '../ports.ts';

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT = 4_194_304;

/** Nothing that a repository's own configuration names is run, and nobody is asked for anything. */
const SOBER = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false', '-c', 'core.pager=cat'];
const ENV = { GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };

export const git: Git = {
  async tracks(folder) {
    const { code, stdout } = await git.run(folder, ['ls-files', '--', '.']);
    return code === 0 && stdout.trim() !== '';
  },

  async run(folder, args) {
    const { exitCode, stdout, stderr, shortMessage } = await execa('git', ['-C', folder, ...SOBER, ...args], {
      reject: false,
      stdin: 'ignore',
      env: ENV,
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT,
      stripFinalNewline: false,
    });
    return { code: exitCode, stdout, stderr: exitCode === undefined ? (shortMessage ?? stderr) : stderr };
  },
};
