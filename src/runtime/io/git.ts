import { execa } from 'execa';
import type { Git } from '../ports.ts';

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT = 4_194_304;

/** Nothing that a repository's own configuration names is run, and nobody is asked for anything. */
const SOBER = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false', '-c', 'core.pager=cat'];
const ENV = {
  ...{ GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', GIT_LFS_SKIP_SMUDGE: '1', LC_ALL: 'C' },
  // Whoever started us may have been a hook of some repository: which one is meant is said by the folder alone.
  ...{ GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_INDEX_FILE: undefined, GIT_COMMON_DIR: undefined },
  ...{ GIT_OBJECT_DIRECTORY: undefined, GIT_NAMESPACE: undefined, GIT_PREFIX: undefined },
};

export const git: Git = {
  async tracks(folder) {
    const { code, stdout } = await git.run(folder, ['ls-files', '--', '.']);
    return code === 0 && stdout.trim() !== '';
  },

  async run(folder, args, { timeoutMs = TIMEOUT_MS, index } = {}) {
    const { exitCode, stdout, stderr, shortMessage } = await execa('git', ['-C', folder, ...SOBER, ...args], {
      reject: false,
      stdin: 'ignore',
      env: index === undefined ? ENV : { ...ENV, GIT_INDEX_FILE: index },
      timeout: timeoutMs,
      maxBuffer: MAX_OUTPUT,
      stripFinalNewline: false,
    });
    return { code: exitCode, stdout, stderr: exitCode === undefined ? (shortMessage ?? stderr) : stderr };
  },
};
