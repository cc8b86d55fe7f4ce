import { spawn } from 'node:child_process';

const TIMEOUT_SECONDS = 600;

/** The command hooks of all settings. Each runs in a session of its own, as the real ones do, and may outlive the agent. */
export class Hooks {
  constructor(all, { cwd, env }) {
    this.all = all;
    this.cwd = cwd;
    this.env = { ...env, CLAUDE_PROJECT_DIR: cwd, CLAUDECODE: '1', CLAUDE_PID: String(process.pid) };
  }

  /** Runs those of this event side by side; what each answered. `about` is what a matcher sees. */
  async fire(payload, about = '', limitMs = undefined) {
    const commands = this.all
      .flatMap((hooks) => hooks?.[payload.hook_event_name] ?? [])
      .filter(({ matcher }) => fits(matcher, about))
      .flatMap(({ hooks = [] }) => hooks)
      .filter(({ type }) => type === 'command');
    return Promise.all(commands.map((hook) => this.#run(hook, payload, limitMs)));
  }

  #run({ command, timeout = TIMEOUT_SECONDS }, payload, limitMs = timeout * 1_000) {
    const child = spawn('/bin/sh', ['-c', command], {
      cwd: this.cwd,
      env: { ...this.env, CLAUDE_CODE_SESSION_ID: payload.session_id },
      detached: true,
      stdio: 'pipe',
    });
    return new Promise((resolve) => {
      const said = { stdout: '', stderr: '' };
      const timer = setTimeout(() => kill(child.pid), Math.max(1, limitMs));
      for (const stream of ['stdout', 'stderr']) {
        child[stream].setEncoding('utf8').on('data', (chunk) => {
          said[stream] += chunk;
        });
      }
      child.stdin.on('error', () => {}); // it need not read
      child.stdin.end(JSON.stringify(payload));
      child.on('error', () => resolve({ code: 127, ...said }));
      child.on('close', (code) => {
        clearTimeout(timer);
        resolve({ code, ...said, json: code === 0 ? parsed(said.stdout) : undefined });
      });
    });
  }
}

function fits(matcher, about) {
  return !matcher || matcher === '*' || new RegExp(`^(?:${matcher})$`).test(about);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A whole process group. */
export function kill(pid, signal = 'SIGKILL') {
  try {
    process.kill(-pid, signal);
  } catch {
    // it has ended
  }
}
