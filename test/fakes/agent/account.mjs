import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, isAbsolute, join, resolve } from 'node:path';

/** The account's folder: what the person has accepted, the conversations, and the state of each living session. */
export class Account {
  constructor(env, cwd) {
    this.dir = env.CLAUDE_CONFIG_DIR ?? join(env.HOME ?? homedir(), '.claude');
    this.file = env.CLAUDE_CONFIG_DIR ? join(this.dir, '.claude.json') : join(env.HOME ?? homedir(), '.claude.json');
    this.env = env;
    this.cwd = cwd;
    this.state = join(this.dir, 'sessions', `${process.pid}.json`);
  }

  said() {
    return readJson(this.file) ?? {};
  }

  get trusts() {
    if (this.env.CLAUDE_CODE_SANDBOXED === '1') return true;
    const { projects = {} } = this.said();
    const inside = (path) => this.cwd === path || this.cwd.startsWith(path === '/' ? '/' : `${path}/`);
    return Object.keys(projects).some((path) => inside(path) && projects[path].hasTrustDialogAccepted === true);
  }

  trust() {
    const said = this.said();
    const projects = { ...said.projects, [this.cwd]: { ...said.projects?.[this.cwd], hasTrustDialogAccepted: true } };
    writeFileSync(this.file, JSON.stringify({ ...said, projects }, null, 2));
  }

  /** A key in the environment that nobody has approved. */
  get strangeKey() {
    const key = this.env.ANTHROPIC_API_KEY;
    const { approved = [], rejected = [] } = this.said().customApiKeyResponses ?? {};
    return key && ![...approved, ...rejected].includes(key.slice(-20)) ? key : undefined;
  }

  userSettings() {
    return readJson(join(this.dir, 'settings.json')) ?? {};
  }

  get projects() {
    return join(this.dir, 'projects');
  }

  transcript(id) {
    return join(this.projects, this.cwd.replaceAll(/[^A-Za-z0-9]/g, '-'), `${id}.jsonl`);
  }

  /** The file of a conversation: of this id in any folder of the account, or anywhere by its path. */
  conversation(which) {
    if (which.endsWith('.jsonl') && isAbsolute(which)) return existsSync(which) ? resolve(which) : undefined;
    const places = existsSync(this.projects) ? readdirSync(this.projects) : [];
    return [this.transcript(which), ...places.map((place) => join(this.projects, place, `${which}.jsonl`))].find(
      existsSync,
    );
  }

  /** What the session says of itself while it lives. */
  publish(session) {
    mkdirSync(join(this.dir, 'sessions'), { recursive: true, mode: 0o700 });
    const now = Date.now();
    const { status, waitingFor, ...rest } = session;
    const state = {
      pid: process.pid,
      ...rest,
      cwd: this.cwd,
      procStart: readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[19],
      version: '2.1.329',
      kind: 'interactive',
      entrypoint: 'cli',
      name: rest.name ?? `${basename(this.cwd)}-${rest.sessionId.slice(0, 2)}`,
      status,
      updatedAt: now,
      statusUpdatedAt: now,
      ...(waitingFor && { waitingFor }),
    };
    writeFileSync(this.state, JSON.stringify(state));
  }

  unpublish() {
    rmSync(this.state, { force: true });
  }
}

export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
