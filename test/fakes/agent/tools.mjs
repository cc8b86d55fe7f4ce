import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { kill } from './hooks.mjs';
import { letters } from './transcript.mjs';

/* What each tool is called with, does and answers. A tool is `{name, input, ask, run(turn, input) → {content, response}}`. */

export function toolFor(step, cwd) {
  switch (step.name) {
    case 'write':
      return write(step, cwd);
    case 'bash':
      return bash(step.rest);
    case 'ask-permission':
      return { ...bash(step.rest), ask: true };
    case 'question':
      return question(step.rest);
    case 'json':
      return structured(step.rest);
    default:
      return background(step.rest);
  }
}

function write({ rest }, cwd) {
  const at = rest.indexOf(':');
  const [file, content] = at < 0 ? [rest, ''] : [rest.slice(0, at), rest.slice(at + 1)];
  const path = resolve(cwd, file);
  return {
    name: 'Write',
    input: { file_path: path, content },
    title: `Write(${basename(path)})`,
    before: { path, size: sizeOf(path), line: content },
    run: async () => {
      appendFileSync(path, `${content}\n`);
      const response = { type: 'create', filePath: path, content, structuredPatch: [], originalFile: null };
      return { content: `File created successfully at: ${path}`, response, shown: 'Wrote 1 line' };
    },
  };
}

/** Whether a write whose answer was never recorded happened: only what came after its beginning counts. */
export function tookEffect({ before } = {}) {
  if (before === undefined || !existsSync(before.path)) return false;
  const tail = Buffer.alloc(Math.max(0, sizeOf(before.path) - before.size));
  const file = openSync(before.path, 'r');
  try {
    readSync(file, tail, 0, tail.length, before.size);
  } finally {
    closeSync(file);
  }
  return tail.toString('utf8').split('\n').slice(0, -1).includes(before.line);
}

function sizeOf(path) {
  return existsSync(path) ? statSync(path).size : 0;
}

function bash(command) {
  return {
    name: 'Bash',
    input: { command, description: 'Run a scripted command' },
    title: 'Running a scripted command',
    run: (turn) => runCommand(turn, command),
  };
}

/** In a session of its own, so it outlives an agent that is killed; Escape and an orderly end take it along. */
function runCommand(turn, command) {
  const child = spawn('/bin/sh', ['-c', command], turn.agent.childOptions(['ignore', 'pipe', 'pipe']));
  turn.agent.children.add(child.pid);
  const stop = () => kill(child.pid);
  turn.signal.addEventListener('abort', stop);
  return new Promise((done) => {
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) {
      child[stream].setEncoding('utf8').on('data', (chunk) => {
        said[stream] += chunk;
      });
    }
    child.on('close', (code, signal) => {
      turn.agent.children.delete(child.pid);
      turn.signal.removeEventListener('abort', stop);
      const text = `${said.stdout}${said.stderr}`.trimEnd();
      const failed = code === 0 ? undefined : `Exit code ${code ?? signal}${text && `\n${text}`}`;
      const response = { ...said, interrupted: false, isImage: false, noOutputExpected: false };
      done({ content: failed ?? (text || '(Bash completed with no output)'), response, failed, shown: text });
    });
  });
}

function question(rest) {
  const [question = '', ...labels] = rest.split('|');
  const options = labels.map((label) => ({ label, description: `the choice ${label}` }));
  return {
    name: 'AskUserQuestion',
    input: { questions: [{ question, header: 'Pick', multiSelect: false, options }] },
    question: true,
    run: async (_turn, input) => {
      const said = Object.entries(input.answers).map(([asked, answer]) => `"${asked}"="${answer}"`);
      return {
        content: `Your questions have been answered: ${said.join(', ')}. You can now continue with these answers in mind.`,
        response: { ...input, annotations: {} },
        shown: Object.entries(input.answers).map(([asked, answer]) => `· ${asked} → ${answer}`),
      };
    },
  };
}

function structured(rest) {
  const input = JSON.parse(rest);
  return {
    name: 'StructuredOutput',
    input,
    free: true,
    run: async ({ agent }, given) => {
      const absent = (agent.options.schema?.required ?? []).filter((key) => !Object.hasOwn(given, key));
      if (absent.length === 0) {
        agent.structured = given;
        return { content: 'Structured output provided successfully', response: given };
      }
      const wrong = `Output does not match required schema: must have required property '${absent[0]}'`;
      return { content: wrong, response: wrong, failed: wrong };
    },
  };
}

function background(rest) {
  const [ms = '0', ...says] = rest.split(':');
  const command = `sleep ${Number(ms) / 1_000}`;
  const description = 'Run a scripted command';
  return {
    name: 'Bash',
    input: { command, description, run_in_background: true },
    title: description,
    run: async (turn) => {
      const id = `b${letters().slice(0, 8)}`;
      const child = spawn('/bin/sh', ['-c', command], turn.agent.childOptions('ignore'));
      turn.agent.inBackground({ id, type: 'shell', status: 'running', description, command }, child, says.join(':'));
      const response = { stdout: '', stderr: '', interrupted: false, isImage: false, backgroundTaskId: id };
      return { content: `Command running in background with ID: ${id}.`, response, shown: 'Running in the background' };
    },
  };
}

/** `Bash`, `Bash(git log:*)`, `Bash(git *)`: whether one of these rules names this use. */
export function matches(rules, { name, input }) {
  return rules.some((rule) => {
    const [, tool, pattern] = /^([^(]+)(?:\((.*)\))?$/.exec(rule) ?? [];
    if (tool !== name) return false;
    if (pattern === undefined || pattern === '*') return true;
    const what = input.command ?? input.file_path ?? '';
    const parts = pattern
      .replace(/:\*$/, '*')
      .split('*')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 's').test(what);
  });
}
