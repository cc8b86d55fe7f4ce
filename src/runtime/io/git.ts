import { execa } from 'execa';
import type { Git } from '../ports.ts';

export const git: Git = {
  async tracks(folder) {
    const { exitCode, stdout } = await execa('git', ['-C', folder, 'ls-files', '--', '.'], {
      reject: false,
      timeout: 10_000,
      maxBuffer: 65_536,
    });
    return exitCode === 0 && stdout.trim() !== '';
  },
};
