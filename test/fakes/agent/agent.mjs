import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Box } from './box.mjs';
import { kill } from './hooks.mjs';
import { Transcript } from './transcript.mjs';
import { promptLines, Turn } from './turn.mjs';

const NOTICE_MS = Number(process.env.FAKE_AGENT_NOTICE_MS ?? 6_000); // of a dialog that nobody has answered
const IDLE_MS = Number(process.env.FAKE_AGENT_IDLE_MS ?? 60_600);
const DEAF_MS = Number(process.env.FAKE_AGENT_DEAF_MS ?? 120); // an Enter right after the first paint is lost
const END_MS = 1_500; // what the hooks of the end may take
const EFFORT = { level: 'medium' };

/** Events whose reports say in which mode the agent is. */
const PLAIN = new Set(['SessionStart', 'SessionEnd', 'Notification', 'StopFailure']);

/** One session in a terminal: what is typed, what is queued, the turn that runs, and the end. */
export class Agent {
  box = new Box();
  queue = [];
  children = new Set();
  stubborn = false;
  #background = new Map();
  #turn;
  #dialog;
  #published = '';
  #painted = Number.POSITIVE_INFINITY;
  #started = Promise.resolve();
  #idle;
  #auto;
  #exitArmed = false;
  #hint = '';
  #ended = false;

  constructor({ cwd, options, account, hooks, screen, transcript, id }) {
    Object.assign(this, { cwd, account, hooks, screen, id });
    this.options = options;
    this.mode = options.mode;
    this.allowed = [...options.allowed];
    this.disallowed = options.disallowed;
    this.begun = Date.now();
    this.transcript = new Transcript(transcript, { model: options.model, mode: options.mode, cwd });
  }

  async start(source, prompt) {
    this.#publish({});
    this.#replay();
    this.paint();
    setImmediate(() => {
      this.#painted = Date.now();
    });
    this.#started = this.hook('SessionStart', { source, ...this.#startFields(source) }, source);
    await this.#started;
    if (prompt !== undefined) this.submit(prompt);
    else this.#publish({ status: 'idle' });
  }

  #startFields(source) {
    const session_title = this.options.name;
    const title = session_title === undefined ? {} : { session_title };
    if (source !== 'resume') return { ...title, model: this.options.model };
    return { ...title, context_tokens: this.transcript.context, seconds_since_last_response: 1 };
  }

  /** A resumed conversation is shown. */
  #replay() {
    for (const { asked, says } of this.transcript.blocks)
      this.screen.say(...(asked === undefined ? [`● ${says}`] : promptLines(asked)));
  }

  hook(event, fields, about) {
    const rest = PLAIN.has(event) ? {} : { permission_mode: this.mode };
    const effort = /Tool|Permission|Stop/.test(event) ? { effort: EFFORT } : {};
    const payload = { session_id: this.id, transcript_path: this.transcript.path, cwd: this.cwd, ...rest, ...effort };
    const limit = event === 'SessionEnd' ? END_MS : undefined;
    return this.hooks.fire({ ...payload, hook_event_name: event, ...fields }, about, limit);
  }

  childOptions(stdio) {
    const env = { ...this.hooks.env, CLAUDE_CODE_SESSION_ID: this.id };
    return { cwd: this.cwd, env, detached: true, stdio };
  }

  view() {
    const turn = this.#turn;
    const queued = this.queue.some(({ kind }) => kind === 'prompt');
    return {
      busy: turn !== undefined,
      still: turn?.still,
      since: turn?.since,
      dialog: this.#dialog,
      box: this.box.text,
      hint: queued ? 'Press up to edit queued messages' : this.#hint,
      mode: this.mode,
      notice: this.#auto?.notice,
      footer: this.#exitArmed ? 'Press Ctrl-C again to exit' : undefined,
    };
  }

  paint() {
    this.screen.paint();
  }

  // What a person does.

  press(event) {
    if (this.#dialog) {
      this.#dialog.press(event);
      return this.paint();
    }
    if (event.key !== 'ctrl-c') this.#exitArmed = false;
    if (event.text !== undefined) this.box.type(event.text);
    else if (event.paste !== undefined) this.box.paste(event.paste);
    else this.#key(event.key);
    this.paint();
  }

  #key(key) {
    switch (key) {
      case 'enter':
        if (Date.now() - this.#painted < DEAF_MS || this.box.empty) return;
        return this.submit(this.box.take());
      case 'newline':
        this.box.text += '\n';
        return;
      case 'tab':
        return this.box.type('    ');
      case 'backspace':
        return this.box.backspace();
      case 'ctrl-u':
        return this.box.clear();
      case 'escape':
        return this.#escape();
      case 'ctrl-c':
        return this.#controlC();
      case 'ctrl-d':
        if (this.box.empty && !this.#turn) this.end('prompt_input_exit', 0);
    }
  }

  #escape() {
    if (this.#turn) this.#turn.interrupt();
    else this.cancelAuto();
  }

  #controlC() {
    if (this.#exitArmed) return this.end('prompt_input_exit', 0);
    if (this.#turn) return this.#turn.interrupt();
    this.box.clear();
    this.#exitArmed = true;
  }

  submit(text) {
    this.#hint = '';
    clearTimeout(this.#idle);
    this.cancelAuto();
    const [, command] = /^\/([a-z-]+)\s*$/.exec(text) ?? [];
    if (command) return this.#command(command);
    if (this.#turn) return this.#enqueue(text);
    if (text.startsWith('!')) return this.#shell(text.slice(1));
    this.#begin(new Turn(this, text));
  }

  #command(name) {
    if (name === 'exit' || name === 'quit') return this.end('prompt_input_exit', 0);
    if (name === 'clear') return this.#clear();
    this.screen.say(`● Unknown command: /${name}`);
  }

  async #clear() {
    await this.hook('SessionEnd', { reason: 'clear' }, 'clear');
    this.id = randomUUID();
    this.screen.history = [];
    const { model, mode } = this.options;
    this.transcript = new Transcript(this.account.transcript(this.id), { model, mode, cwd: this.cwd });
    this.#publish({ status: 'idle' });
    await this.hook('SessionStart', { source: 'clear' }, 'clear');
  }

  #shell(command) {
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { cwd: this.cwd, encoding: 'utf8' });
    this.screen.say(
      `! ${command}`,
      ...`${stdout}${stderr}`
        .trimEnd()
        .split('\n')
        .map((line) => `  ⎿  ${line}`),
    );
    this.#begin(new Turn(this, `<bash-input>${command}</bash-input>`, { source: 'bash', submitted: true }));
  }

  /** Submitted while it works: hooks hear of it at once, under the running prompt's id. */
  #enqueue(text) {
    this.transcript.queued('enqueue', text);
    this.queue.push({ kind: 'prompt', text, submitted: true });
    this.#turn.hook('UserPromptSubmit', { prompt: text });
  }

  takeQueued() {
    const taken = this.queue.filter(({ kind }) => kind === 'prompt');
    this.queue = this.queue.filter(({ kind }) => kind !== 'prompt');
    return taken;
  }

  // Turns.

  async #begin(turn) {
    this.#turn = turn;
    await this.#started;
    if (turn.source !== 'system') this.screen.say(...promptLines(turn.text));
    this.#publish({ status: 'busy' });
    const how = await turn.run();
    if (how !== 'failed') this.turnOver(turn, how);
  }

  turnOver(turn, how) {
    if (this.#ended) return;
    this.#turn = undefined;
    if (how === 'taken_back') this.#takeBack(turn);
    if (how === 'failed') this.#hint = 'Resend your message to try again';
    if (how === 'done') this.screen.say(`✻ Worked for ${Math.floor((Date.now() - turn.since) / 1_000)}s · done`);
    if (turn.resumes) this.#arm(turn.resumes);
    this.#publish({ status: this.#background.size > 0 ? 'shell' : 'idle' });
    this.paint();
    const next = this.queue.shift();
    if (next === undefined) return this.#restSoon();
    this.transcript.queued('dequeue');
    this.#begin(new Turn(this, next.text, next));
  }

  #takeBack(turn) {
    const shown = promptLines(turn.text).length + 1;
    this.screen.history.splice(-shown, shown);
    this.box.text = turn.text;
  }

  #restSoon() {
    const fields = { message: 'Claude is waiting for your input', notification_type: 'idle_prompt' };
    this.#idle = setTimeout(() => this.hook('Notification', fields, 'idle_prompt'), IDLE_MS);
  }

  /** Shows a dialog until somebody answers it, whoever that is. */
  async ask(dialog, waitingFor, turn) {
    const notice = setTimeout(() => {
      const fields = { message: 'Claude needs your permission', notification_type: 'permission_prompt' };
      turn.hook('Notification', fields, 'permission_prompt');
    }, NOTICE_MS);
    this.#dialog = dialog;
    this.#publish({ status: 'waiting', waitingFor });
    this.paint();
    const answer = await dialog.answer;
    clearTimeout(notice);
    this.#dialog = undefined;
    this.#publish({ status: 'busy' });
    this.paint();
    return answer;
  }

  // What goes on by itself.

  inBackground(task, child, says) {
    this.#background.set(task.id, task);
    this.children.add(child.pid);
    child.on('close', (code) => {
      this.children.delete(child.pid);
      this.#background.delete(task.id);
      if (!this.#ended) this.#notify(task, code, says);
    });
  }

  backgroundTasks() {
    return [...this.#background.values()];
  }

  #notify({ id, description }, code, says) {
    const summary = `Background command "${description}" completed (exit code ${code})`;
    const text = `<task-notification>\n<task-id>${id}</task-id>\n<status>completed</status>\n<summary>${summary}</summary>\n</task-notification>`;
    this.screen.say(`● ${summary}`);
    const news = { kind: 'notification', text, source: 'system', says: says || undefined };
    this.transcript.queued('enqueue', text);
    if (this.#turn) this.queue.push(news);
    else this.#begin(new Turn(this, text, news));
  }

  /** After a limit it goes on by itself, unless somebody presses Escape. */
  #arm({ reset, at }) {
    this.screen.say(`● Usage limit reached · continuing automatically at ${at} · esc to cancel`);
    const timer = setTimeout(
      () => {
        this.#auto = undefined;
        this.#begin(new Turn(this, 'Continue from where you left off.', { source: 'system', submitted: true }));
      },
      Math.max(0, reset - Date.now()),
    );
    const notice = [
      `  ⚠ Usage limit reached · limit resets ${at}`,
      `    Continuing automatically at ${at} · Esc to cancel`,
    ];
    this.#auto = { timer, notice };
  }

  cancelAuto() {
    if (!this.#auto) return;
    clearTimeout(this.#auto.timer);
    this.#auto = undefined;
    this.screen.say('● Automatic continue cancelled · /rate-limit-options to re-arm');
  }

  #publish({ status, waitingFor }) {
    const { id: sessionId, begun: startedAt } = this;
    const state = { sessionId, startedAt, name: this.options.name, status, waitingFor };
    const said = JSON.stringify(state);
    if (said !== this.#published && !this.#ended) this.account.publish(state);
    this.#published = said;
  }

  // The end.

  /** In order: the hooks hear of it, and nothing of it is left. */
  async end(reason, code) {
    if (this.#ended) return;
    this.#ended = true;
    await this.hook('SessionEnd', { reason }, reason);
    this.transcript.close();
    this.#leave(code, ['Resume this session with:', `claude --resume ${this.id}`]);
  }

  /** Without a word. */
  vanish(code) {
    this.#ended = true;
    this.#leave(code, []);
    return new Promise(() => {});
  }

  #leave(code, words) {
    this.account.unpublish();
    for (const pid of this.children) kill(pid);
    this.screen.close(...words);
    process.exit(code);
  }
}
