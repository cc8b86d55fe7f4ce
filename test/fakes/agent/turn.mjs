import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { permissionDialog, questionDialog } from './dialogs.mjs';
import { failureOf, limitOf } from './failures.mjs';
import { TOOLS } from './script.mjs';
import { matches, tookEffect, toolFor } from './tools.mjs';
import { letters } from './transcript.mjs';

const REJECTED =
  "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the " +
  'new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed.';

/** Escape, or a dialog that a person refused: the turn is over, and no hook says so. */
class Interrupted extends Error {}

/** It may not go on: its turns or its money are used up, or nothing is left to say. */
export class Spent extends Error {
  constructor(how) {
    super(how);
    this.how = how;
  }
}

/** The service refused. */
class Failed extends Error {
  constructor(failure) {
    super(failure.text);
    this.failure = failure;
  }
}

/** From one prompt to the agent's last word. */
export class Turn {
  #abort = new AbortController();
  #interruption = new Promise((_, reject) => {
    this.#abort.signal.addEventListener('abort', () => reject(this.#abort.signal.reason), { once: true });
  });
  #stopActive = false;
  #tool;
  promptId = randomUUID();
  since = Date.now();
  lastText = '';
  /** Nothing has come of it yet: Escape takes the prompt back. */
  early = true;
  still = false;
  response;

  constructor(agent, prompt, { source = 'typed', submitted = false, says } = {}) {
    this.agent = agent;
    this.text = prompt;
    this.source = source;
    this.submitted = submitted;
    this.says = says;
    this.#interruption.catch(() => {}); // nobody may be waiting
  }

  get inTool() {
    return this.#tool !== undefined;
  }

  get signal() {
    return this.#abort.signal;
  }

  interrupt() {
    this.#abort.abort(new Interrupted());
  }

  /** How it ended: `done`, `failed`, `interrupted` or `taken_back`. */
  async run() {
    const { transcript } = this.agent;
    transcript.resolveOpen(this.promptId, ({ before }) => tookEffect({ before }));
    const already = transcript.saidAlready(this.text);
    const script = transcript.prompt(this.text, this.promptId, this.source);
    if (already !== undefined) for (const step of script.left()) this.#did(step);
    const agenda = script.left();
    this.agenda = agenda.length > 0 ? agenda : [{ name: 'say', rest: already ?? this.says ?? 'Done.' }];
    try {
      if (!this.submitted) await this.#until(this.hook('UserPromptSubmit', { prompt: this.text }));
      await this.#play();
      await this.#stop();
      transcript.turnEnded(this.since);
      return 'done';
    } catch (reason) {
      if (reason instanceof Failed) return this.#fail(reason.failure);
      if (reason instanceof Interrupted) return this.#interrupted();
      if (reason instanceof Spent) return reason.how;
      throw reason;
    }
  }

  hook(event, fields, about) {
    return this.agent.hook(event, { prompt_id: this.promptId, ...fields }, about);
  }

  /** Escape ends every wait. */
  #until(promise) {
    return Promise.race([this.#interruption, promise]);
  }

  async #play() {
    let last;
    for (let step = this.agenda.shift(); step !== undefined; step = this.agenda.shift()) {
      await this.#step(step);
      last = step;
    }
    if (last === undefined || TOOLS.has(last.name)) this.#say('Done.');
    this.response = undefined;
  }

  async #step(step) {
    const { agent } = this;
    if (TOOLS.has(step.name)) return this.#useTool(step);
    switch (step.name) {
      case 'say':
        return this.#say(step.rest, step);
      case 'prompt':
        return this.#say(this.text, step);
      case 'echo':
        return this.#say(this.answered ?? '', step);
      case 'sleep':
        await this.#until(sleep(Number(step.rest), undefined, { signal: this.signal }));
        return this.#did(step);
      case 'usage':
        agent.transcript.context += Number(step.rest);
        return this.#did(step);
      case 'window':
        agent.tellsWindow?.(...step.rest.split(':'));
        return this.#did(step);
      case 'stop':
        return this.#breakOff(step);
      case 'error':
        throw new Failed({ ...failureOf(step.rest), step });
      case 'limit':
        throw new Failed({ ...limitOf(step.rest), step });
      case 'exit':
        this.#did(step);
        return agent.vanish(Number(step.rest));
      case 'crash':
        this.#did(step);
        return process.kill(process.pid, 'SIGKILL');
      case 'stubborn':
        agent.stubborn = true;
        return this.#did(step);
      case 'silent':
        this.still = true;
        agent.screen.paint();
    }
    await this.#until(new Promise(() => {})); // hang, silent
  }

  #scripted({ script, number }) {
    return script && { script: script.id, step: number };
  }

  #did(step) {
    this.agent.transcript.did(this.#scripted(step));
    step.script.did(step.number);
  }

  #say(text, step, stop_reason) {
    const scripted = step && this.#scripted(step);
    this.response ??= { stop_reason: stop_reason ?? this.#endOfAnswer() };
    this.agent.transcript.answer(this.response, { type: 'text', text }, scripted && { scripted });
    if (scripted) step.script.did(step.number);
    this.agent.screen.say(...text.split('\n').map((line, i) => `${i === 0 ? '● ' : '  '}${line}`));
    this.lastText = text;
    this.early = false;
  }

  /** An answer goes on until it uses a tool. */
  #endOfAnswer() {
    const next = this.agenda.find(({ name }) => !['say', 'sleep', 'prompt', 'echo'].includes(name));
    return next && TOOLS.has(next.name) ? 'tool_use' : 'end_turn';
  }

  /** The real one goes on by itself, once; the model may break off again. */
  async #breakOff(step) {
    const [reason, once] = step.rest.split(':');
    const [text, note] =
      reason === 'refusal'
        ? ["I can't help with this.", 'Your response above was stopped by a safety classifier.']
        : ['This is cut', 'Output token limit hit. Resume directly.'];
    this.#say(text, undefined, reason);
    this.response = undefined;
    this.agent.transcript.meta(note, this.promptId);
    if (once !== 'once') {
      this.#say(text, step, reason);
      this.response = undefined;
    } else this.#did(step);
  }

  async #useTool(step) {
    const tool = toolFor(step, this.agent.cwd);
    const { transcript } = this.agent;
    const id = `toolu_${letters()}`;
    const scripted = this.#scripted(step);
    this.response ??= { stop_reason: 'tool_use' };
    const block = { type: 'tool_use', id, name: tool.name, input: tool.input };
    const use = transcript.answer(this.response, block, { scriptedBy: scripted, before: tool.before });
    this.response = undefined;
    this.early = false;
    this.#tool = { id, use };
    if (tool.title) this.agent.screen.say(`● ${tool.title}`);
    const from = Date.now();
    const fields = { tool_name: tool.name, tool_input: tool.input, tool_use_id: id };
    const outcome = await this.#outcome(tool, fields);
    const { content, response, failed, denied, shown = content, input = tool.input } = outcome;
    const result = { tool_use_id: id, content, is_error: Boolean(failed ?? denied) };
    transcript.result(this.promptId, use, result, response ?? content, { scripted });
    step.script.did(step.number);
    this.#tool = undefined;
    this.answered = content;
    this.agent.screen.append(...[shown].flat().map((line) => `  ⎿  ${line}`));
    const ended = { ...fields, tool_input: input, duration_ms: Date.now() - from };
    if (failed)
      await this.#until(this.hook('PostToolUseFailure', { ...ended, error: failed, is_interrupt: false }, tool.name));
    else if (!denied) await this.#until(this.hook('PostToolUse', { ...ended, tool_response: response }, tool.name));
    await this.#until(this.hook('PostToolBatch', { tool_calls: [{ ...fields, tool_response: content }] }));
    if (denied) this.agent.denied?.(id, tool, content);
    this.#absorb();
    this.agent.answered?.(tool);
  }

  async #outcome(tool, fields) {
    const missing = this.agent.missing?.(tool);
    if (missing !== undefined) return { content: missing, failed: missing };
    const before = await this.#until(this.hook('PreToolUse', fields, tool.name));
    const refusal = before.map(refusalOf).find((reason) => reason !== undefined);
    if (refusal !== undefined) return { content: refusal, denied: true };
    const granted = before.some(({ json }) => json?.hookSpecificOutput?.permissionDecision === 'allow');
    const permit = granted && !tool.question ? { input: tool.input } : await this.#permit(tool, fields);
    if (permit.denied !== undefined) return { content: permit.denied, denied: true };
    this.agent.paint();
    const outcome = await this.#until(tool.run(this, permit.input));
    return { ...outcome, input: permit.input };
  }

  /** Allowed with this input, or denied with this message. A person's refusal ends the turn. */
  async #permit(tool, { tool_name, tool_input }) {
    const how = this.#needs(tool);
    if (how === 'allow') return { input: tool.input };
    if (how === 'deny') return { denied: `Permission to use ${tool.name} has been denied.` };
    const dialog = tool.question
      ? questionDialog(tool.input.questions[0])
      : permissionDialog(tool.name, tool.input, this.agent.cwd);
    const suggestions = [{ destination: 'session', directories: [this.agent.cwd], type: 'addDirectories' }];
    const fields = { tool_name, tool_input, ...(!tool.question && { permission_suggestions: suggestions }) };
    this.asking = { tool_name, input: tool_input };
    const asked = this.hook('PermissionRequest', fields, tool_name);
    asked.then((answers) => {
      const decision = answers.map(({ json }) => json?.hookSpecificOutput?.decision).find(Boolean);
      if (decision && (decision.behavior === 'deny' || !tool.question || decision.updatedInput?.answers))
        dialog.close({ decision });
    });
    const answer = await this.#until(
      this.agent.ask(dialog, tool.question ? 'input needed' : 'permission prompt', this, asked),
    );
    return this.#answered(tool, answer);
  }

  #answered(tool, answer) {
    const { decision } = answer ?? {};
    if (decision?.behavior === 'deny') return { denied: decision.message || 'Denied by PermissionRequest hook' };
    if (decision) return { input: decision.updatedInput ?? tool.input };
    if (answer === undefined || answer === 'refused') throw new Interrupted();
    if (tool.question) {
      const [{ question }] = tool.input.questions;
      return { input: { ...tool.input, answers: { [question]: answer } } };
    }
    if (answer === 'always') this.agent.allowed.push(tool.name);
    else if (answer !== 'once') this.agent.mode = answer;
    return { input: tool.input };
  }

  #needs(tool) {
    const { mode, allowed, disallowed } = this.agent;
    if (matches(disallowed, tool)) return 'deny';
    if (tool.free) return 'allow';
    if (tool.question) return 'ask';
    if (mode === 'bypassPermissions' || matches(allowed, tool)) return 'allow';
    if (mode === 'dontAsk') return 'deny';
    return tool.ask || mode === 'default' || mode === 'plan' ? 'ask' : 'allow';
  }

  /** Prompts that were submitted meanwhile join the turn after a tool. */
  #absorb() {
    for (const { text } of this.agent.takeQueued()) {
      const script = this.agent.transcript.absorb(text);
      this.agent.screen.say(...promptLines(text));
      const known = this.agenda.some((step) => step.script === script);
      if (!known) this.agenda.push(...script.left());
    }
  }

  async #stop() {
    for (;;) {
      const said = { stop_hook_active: this.#stopActive, last_assistant_message: this.lastText };
      const fields = { ...said, background_tasks: this.agent.backgroundTasks(), session_crons: [] };
      const answers = await this.hook('Stop', fields);
      const block = answers.map(blockOf).find((reason) => reason !== undefined);
      if (block === undefined || this.signal.aborted) return;
      this.#stopActive = true;
      const feedback = `Stop hook feedback: ${block}`;
      const script = this.agent.transcript.prompt(feedback, this.promptId, 'system');
      this.agenda = script.left();
      await this.#play();
    }
  }

  async #fail(failure) {
    const { step, text, error, status, details, screen = text, below, resumes } = failure;
    this.agent.refused?.(failure);
    this.agent.transcript.failed(text, error, status, this.#scripted(step));
    step.script.did(step.number);
    if (below) this.agent.screen.append(`  ⎿  ${screen}`);
    else this.agent.screen.say(`● ${screen}`);
    this.resumes = resumes;
    this.agent.turnOver(this, 'failed');
    await this.hook('StopFailure', { error, last_assistant_message: text, ...(details && { error_details: details }) });
    return 'failed';
  }

  #interrupted() {
    if (this.early && !this.agent.headless) return 'taken_back';
    const { transcript, screen } = this.agent;
    if (this.#tool) {
      const { id, use } = this.#tool;
      const result = { content: REJECTED, is_error: true, tool_use_id: id };
      transcript.result(this.promptId, use, result, 'User rejected tool use', { toolDenialKind: 'user-rejected' });
    }
    transcript.interrupted(this.promptId, this.#tool !== undefined);
    screen.append('  ⎿  Interrupted · What should Claude do instead?');
    return 'interrupted';
  }
}

export function promptLines(text) {
  return text.split('\n').map((line, i) => `${i === 0 ? '❯ ' : '  '}${line}`);
}

function refusalOf({ code, stderr, json }) {
  const { permissionDecision, permissionDecisionReason } = json?.hookSpecificOutput ?? {};
  if (permissionDecision === 'deny') return permissionDecisionReason ?? 'Denied by a hook';
  return code === 2 ? stderr : undefined;
}

function blockOf({ code, stderr, json }) {
  if (json?.decision === 'block') return json.reason ?? '';
  return code === 2 ? stderr : undefined;
}
