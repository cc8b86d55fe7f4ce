import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { scriptFor, stepsOf } from './script.mjs';

/*
 * The conversation's file: one record a line, appended as things happen, in the shapes of the real one. What a step of a
 * script has done carries `scripted: {script, step}`, so that a resumed conversation knows what is left.
 */

const UNKNOWN =
  "[Tool call interrupted: the session ended before this call's result was recorded, so its outcome is unknown. " +
  'Check whether it took effect before relying on it or running it again.]';

export class Transcript {
  /** `listener` hears what is said, as it is written. */
  constructor(path, session, listener) {
    this.path = path;
    this.listener = listener;
    this.id = basename(path, '.jsonl');
    this.session = session;
    this.scripts = [];
    this.blocks = [];
    this.open = new Map();
    this.context = 2_500;
    this.spent = { inputTokens: 0, outputTokens: 0 };
    this.turns = 0;
    this.last = null;
    this.begun = Date.now();
    this.known = existsSync(path);
    if (this.known) for (const record of recordsOf(path)) this.#recall(record);
    this.resumed = this.known;
  }

  /** What was left open by a death: its outcome is told when the conversation goes on, and nobody goes on by itself. */
  resolveOpen(promptId, tookEffect) {
    for (const record of [...this.open.values()]) {
      const { id } = record.message.content[0];
      const scripted = tookEffect(record) ? { scripted: record.scriptedBy } : {};
      this.#result(promptId, record.uuid, { content: UNKNOWN, is_error: true, tool_use_id: id }, UNKNOWN, {
        toolDenialKind: 'interrupted',
        ...scripted,
      });
      if (scripted.scripted) this.script(scripted.scripted.script)?.did(scripted.scripted.step);
      this.#synthetic('No response requested.', { isApiErrorMessage: false, madeBy: 'other' });
    }
    this.open.clear();
  }

  /** What it said last, where the first prompt after a death asks for nothing that is not done. */
  saidAlready(prompt) {
    const script = this.scripts.findLast(({ steps }) => steps.length > 0);
    const asks = stepsOf(prompt).length > 0 && !script?.isLike(prompt);
    if (!this.resumed || script === undefined || asks || script.left().length > 0) return undefined;
    return script.steps.findLast(({ name }) => name === 'say')?.rest ?? 'Done.';
  }

  script(id) {
    return this.scripts.find((script) => script.id === id);
  }

  /** A prompt is taken in; the script that it plays. */
  prompt(text, promptId, promptSource) {
    if (!this.known) this.#begin();
    const record = this.#append({
      promptId,
      type: 'user',
      message: { role: 'user', content: text },
      permissionMode: this.session.mode,
      origin: { kind: promptSource === 'system' ? 'task-notification' : 'human' },
      promptSource,
      turnOrigin: promptSource === 'system' ? 'task_notification' : 'human',
      turnPosition: { promptIndex: ++this.turns, turnIndex: this.turns },
    });
    this.listener?.prompted(text, promptSource);
    this.lastPrompt = text;
    this.resumed = false;
    this.context += tokens(text);
    return scriptFor(this.scripts, record.uuid, text);
  }

  /** A prompt that joined a running turn is no record of a user. */
  absorb(text) {
    this.#line({ type: 'queue-operation', operation: 'remove', content: text, reason: 'absorbed_mid_turn' });
    const attachment = { type: 'queued_command', prompt: text, commandMode: 'prompt', origin: { kind: 'human' } };
    const record = this.#append({ attachment, type: 'attachment' });
    this.listener?.prompted(text);
    return scriptFor(this.scripts, record.uuid, text);
  }

  queued(operation, text) {
    this.#line({ type: 'queue-operation', operation, ...(text !== undefined && { content: text }) });
  }

  meta(text, promptId) {
    this.#append({ promptId, type: 'user', message: { role: 'user', content: text }, isMeta: true });
  }

  /** One block of an answer; all blocks of one answer share its id, its usage and its end. */
  answer(response, block, extra = {}) {
    response.id ??= `msg_${letters()}`;
    response.usage ??= this.#use(block);
    const record = this.#append({
      message: {
        id: response.id,
        type: 'message',
        role: 'assistant',
        model: this.session.model,
        content: [block],
        stop_reason: response.stop_reason,
        stop_sequence: null,
        usage: response.usage,
        stop_details: null,
      },
      requestId: `req_${letters()}`,
      type: 'assistant',
      madeBy: 'model',
      ...extra,
    });
    if (block.type === 'tool_use') this.open.set(block.id, record);
    return record;
  }

  result(promptId, use, block, toolUseResult, extra = {}) {
    this.open.delete(block.tool_use_id);
    this.context += tokens(String(block.content));
    this.#result(promptId, use.uuid, block, toolUseResult, extra);
  }

  interrupted(promptId, inTool) {
    const text = inTool ? '[Request interrupted by user for tool use]' : '[Request interrupted by user]';
    this.#append({ promptId, type: 'user', message: { role: 'user', content: [{ type: 'text', text }] } });
  }

  failed(text, error, status, scripted) {
    this.#synthetic(text, { error, isApiErrorMessage: true, apiErrorStatus: status, madeBy: 'model', scripted });
  }

  /** A step that leaves no other record. */
  did(scripted) {
    this.#line({ type: 'scripted-step', scripted });
  }

  turnEnded(from) {
    this.#append({ type: 'system', subtype: 'turn_duration', durationMs: Date.now() - from, isMeta: false });
    this.#line({ type: 'last-prompt', lastPrompt: this.lastPrompt, leafUuid: this.last });
  }

  close(before = 0) {
    if (!existsSync(this.path)) return;
    const { inputTokens, outputTokens } = this.spent;
    const costUSD = before + (inputTokens * 4 + outputTokens * 20) / 1e6;
    this.#line({
      type: 'cost-state',
      totalCostUSD: costUSD,
      totalDuration: Date.now() - this.begun,
      startTime: this.begun,
      modelUsage: {
        [this.session.model]: {
          inputTokens,
          outputTokens,
          cacheReadInputTokens: 0,
          cacheCreationInputTokens: 0,
          costUSD,
        },
      },
      hasUnknownModelCost: false,
    });
  }

  #begin() {
    mkdirSync(dirname(this.path), { recursive: true });
    this.known = true;
    this.#line({ type: 'mode', mode: 'normal' });
    this.#line({ type: 'permission-mode', permissionMode: this.session.mode });
  }

  #use(block) {
    const output_tokens = tokens(block.text ?? JSON.stringify(block.input)) + 8;
    const usage = {
      input_tokens: this.context,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens,
      service_tier: 'standard',
      cache_creation: { ephemeral_1h_input_tokens: 0, ephemeral_5m_input_tokens: 0 },
    };
    this.spent.inputTokens += this.context;
    this.spent.outputTokens += output_tokens;
    this.context += output_tokens;
    return usage;
  }

  #result(promptId, parent, block, toolUseResult, extra) {
    const content = [{ type: 'tool_result', ...block }];
    this.#append({
      promptId,
      type: 'user',
      message: { role: 'user', content },
      toolUseResult,
      sourceToolAssistantUUID: parent,
      ...extra,
    });
  }

  #synthetic(text, extra) {
    const usage = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
    const content = [{ type: 'text', text }];
    const message = { id: randomUUID(), model: '<synthetic>', role: 'assistant', stop_reason: 'stop_sequence' };
    this.#append({ type: 'assistant', message: { ...message, type: 'message', usage, content }, ...extra });
  }

  #append(record) {
    const full = {
      parentUuid: this.last,
      isSidechain: false,
      ...record,
      uuid: randomUUID(),
      userType: 'external',
      entrypoint: 'cli',
      cwd: this.session.cwd,
      version: '2.1.329',
      gitBranch: 'HEAD',
    };
    this.last = full.uuid;
    this.#line(full);
    const isWord = full.type === 'assistant' || Array.isArray(full.message?.content);
    if (isWord) this.listener?.recorded(full, full.apiErrorStatus);
    return full;
  }

  #line(record) {
    const line = { ...record, timestamp: new Date().toISOString(), sessionId: this.id };
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }

  #recall(record) {
    this.last = record.uuid ?? this.last;
    if (record.scripted) this.script(record.scripted.script)?.did(record.scripted.step);
    const { content, usage } = record.message ?? {};
    if (usage?.input_tokens) this.context = usage.input_tokens + usage.output_tokens;
    if (record.attachment?.type === 'queued_command') this.#recallPrompt(record.uuid, record.attachment.prompt);
    if (record.type === 'user' && typeof content === 'string' && !record.isMeta)
      this.#recallPrompt(record.uuid, content);
    for (const block of Array.isArray(content) ? content : []) {
      if (block.type === 'tool_use') this.open.set(block.id, record);
      if (block.type === 'tool_result') this.open.delete(block.tool_use_id);
      if (block.type === 'text' && record.type === 'assistant') this.blocks.push({ says: block.text });
    }
  }

  #recallPrompt(uuid, text) {
    this.turns++;
    this.blocks.push({ asked: text });
    scriptFor(this.scripts, uuid, text);
  }
}

function recordsOf(path) {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return []; // the last line of one that was killed
      }
    });
}

function tokens(text) {
  return Math.ceil(text.length / 4);
}

export function letters() {
  return randomUUID().replaceAll('-', '').slice(0, 14);
}
