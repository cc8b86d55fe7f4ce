import { type Finding, missing, note, ok } from './check.ts';
import { which } from './which.ts';

/** The programs that Yardmaster needs or uses, looked for on a PATH. `agent`: how Claude Code is started, where that is configured. */
export function programs(path: string | undefined, agent?: readonly string[]): Finding[] {
  return [node(), lock(path), git(path), tmux(path), agent === undefined ? claude(path) : configured(agent, path)];
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return ok('node', process.versions.node);
  return missing('node', `${process.versions.node} is too old`, 'Install Node 20.19 or newer: https://nodejs.org');
}

/** The lock of the home dies with its owner only where the system's flock is used. */
function lock(path: string | undefined): Finding {
  const found = which('flock', path) ?? which('perl', path);
  if (found !== undefined) return ok('lock', found);
  return missing('lock', 'neither flock nor perl is there', installHint('util-linux', 'flock'));
}

function git(path: string | undefined): Finding {
  const found = which('git', path);
  if (found !== undefined) return ok('git', found);
  return note('git', 'not there: no worktrees, no commits in results', installHint('git', 'git'));
}

function tmux(path: string | undefined): Finding {
  const found = which('tmux', path);
  if (found !== undefined) return ok('tmux', found);
  return note('tmux', 'not there: no sessions, only runs without a terminal', installHint('tmux', 'tmux'));
}

function claude(path: string | undefined): Finding {
  const found = which('claude', path);
  if (found !== undefined) return ok('claude', found);
  return note('claude', 'not there: only other agents can do tasks', 'npm install -g @anthropic-ai/claude-code');
}

function configured([program = '', ...args]: readonly string[], path: string | undefined): Finding {
  const found = which(program, path);
  if (found !== undefined) return ok('agent', ['claude is started as', found, ...args].join(' '));
  return note('agent', `${program} was not found: no session can start claude`, 'Mend agents.claude.program.');
}

function installHint(debian: string, mac: string): string {
  return process.platform === 'darwin' ? `brew install ${mac}` : `sudo apt-get install ${debian}`;
}
