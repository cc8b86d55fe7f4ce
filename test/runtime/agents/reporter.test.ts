import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REPORTER, REPORTER_NAME } from '../../../src/runtime/agents/reporter.ts';
import { errorCode } from '../../../src/runtime/model/file-error.ts';

let root: string;
let run: string;
let script: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ym-it's a "));
  run = join(root, 'run');
  mkdirSync(join(run, 'hooks'), { recursive: true });
  mkdirSync(join(run, 'answers'));
  script = join(root, REPORTER_NAME);
  writeFileSync(script, REPORTER);
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function report(event: string, payload: string | Buffer, how: readonly string[] = [script]): Promise<Said> {
  const child = spawn('/bin/sh', [...how, run, event], { env: { PATH: process.env.PATH } });
  children.push(child);
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.stderr += chunk;
  });
  child.stdin.on('error', () => undefined); // whoever does not read it has reasons
  child.stdin.end(payload);
  return once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
}

const SILENT = { code: 0, stdout: '', stderr: '' };
const reports = () => readdirSync(join(run, 'hooks')).sort();
const leftOver = () => readdirSync(run).filter((name) => name.startsWith('.report-'));

/** The first report that is there, or comes. */
async function firstReport(): Promise<string> {
  const watcher = watch(join(run, 'hooks'));
  try {
    while (reports().length === 0) await once(watcher, 'change');
    return reports()[0] ?? '';
  } finally {
    watcher.close();
  }
}

describe('a report', () => {
  it('is the payload as it was, under a name that says the event', async () => {
    const payload = JSON.stringify({ prompt: 'é ✓ $HOME `x` \\n', lines: 'a\nb' });
    expect(await report('Stop', payload)).toEqual(SILENT);
    const [name = ''] = reports();
    expect(name).toMatch(/^\d{20}-\d+-Stop\.json$/);
    expect(readFileSync(join(run, 'hooks', name), 'utf8')).toBe(payload);
    expect(leftOver()).toEqual([]);
  });

  it('may be megabytes long', async () => {
    const payload = Buffer.alloc(5_000_000, 'x\n');
    expect(await report('PostToolUse', payload)).toEqual(SILENT);
    expect(readFileSync(join(run, 'hooks', reports()[0] ?? '')).equals(payload)).toBe(true);
  });

  it('sorts behind the one before, however fast they follow', async () => {
    for (let i = 0; i < 40; i++) await report('PostToolUse', String(i));
    expect(reports().map((name) => readFileSync(join(run, 'hooks', name), 'utf8'))).toEqual(
      Array.from({ length: 40 }, (_, i) => String(i)),
    );
  });

  it('is never lost among many at once', async () => {
    await Promise.all(Array.from({ length: 30 }, (_, i) => report('SubagentStop', String(i))));
    const texts = reports().map((name) => Number(readFileSync(join(run, 'hooks', name), 'utf8')));
    expect(texts.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it('survives whatever stands in the file that keeps the order', async () => {
    for (const rubbish of ['', '08', 'abc $(touch x)', '9'.repeat(19), '9'.repeat(40)]) {
      writeFileSync(join(run, '.last-report'), `${rubbish}\n`);
      expect(await report('Stop', rubbish)).toEqual(SILENT);
    }
    expect(reports()).toHaveLength(5);
  });
});

describe('an agent is never disturbed', () => {
  it('when its run directory is gone', async () => {
    rmSync(run, { recursive: true });
    expect(await report('PermissionRequest', Buffer.alloc(3_000_000, 'x'))).toEqual(SILENT);
    expect(existsSync(run)).toBe(false);
  });

  it('when nothing can be written', async () => {
    const limited = `ulimit -f 100; exec /bin/sh '${script.replaceAll("'", "'\\''")}' "$@"`;
    const said = await report('PermissionRequest', Buffer.alloc(300_000, 'x'), ['-c', limited, 'sh']);
    expect(said).toEqual(SILENT);
    expect([reports(), leftOver(), readdirSync(join(run, 'answers'))]).toEqual([[], [], []]);
  });

  it('when there is no mkfifo: the report is there, and a person answers', async () => {
    const script = REPORTER.replace('PATH=/usr/bin:/bin:$PATH', 'PATH=$1/../bin');
    writeFileSync(join(root, REPORTER_NAME), script);
    const bin = join(root, 'bin');
    mkdirSync(bin);
    for (const program of ['cat', 'mv', 'rm']) symlinkSync(`/bin/${program}`, join(bin, program));
    expect(await report('PermissionRequest', '{}')).toEqual(SILENT);
    expect(reports()).toHaveLength(1);
    expect(readdirSync(join(run, 'answers'))).toEqual([]);
  });

  it('when the folder of answers is missing', async () => {
    rmSync(join(run, 'answers'), { recursive: true });
    expect(await report('PermissionRequest', '{}')).toEqual(SILENT);
    expect(reports()).toHaveLength(1);
  });
});

describe('a request', () => {
  const open = (name: string) => openSync(join(run, 'answers', name), constants.O_WRONLY | constants.O_NONBLOCK);
  const pipeOf = (report: string) => report.replace(/\.json$/, '');

  it('waits for its answer, prints it and leaves nothing behind', async () => {
    const said = report('PermissionRequest', '{"tool":1}');
    const name = await firstReport();
    expect(readFileSync(join(run, 'hooks', name), 'utf8')).toBe('{"tool":1}');
    await answer(pipeOf(name), '{"yes":"\\n é"}');
    expect(await said).toEqual({ ...SILENT, stdout: '{"yes":"\\n é"}\n' });
    expect(readdirSync(join(run, 'answers'))).toEqual([]);
  });

  it('is let go by nothing at all', async () => {
    const said = report('PermissionRequest', '{}');
    const name = await firstReport();
    await answer(pipeOf(name), '');
    expect(await said).toEqual(SILENT);
  });

  it('holds the input of an agent without a terminal open until its answer is heard, whoever else goes', async () => {
    const input = join(run, 'input');
    execFileSync('mkfifo', [input]);
    const agent = spawn('/bin/sh', ['-c', 'exec cat <"$0"', input], { stdio: 'ignore' });
    children.push(agent);
    const runtime = openSync(input, constants.O_WRONLY);
    const said = report('PermissionRequest', '{}');
    const name = await firstReport();
    closeSync(runtime);
    await answer(pipeOf(name), 'yes');
    expect(await said).toEqual({ ...SILENT, stdout: 'yes\n' });
    expect(agent.exitCode).toBeNull(); // it has not come to the end of its input
    await once(agent, 'exit');
  });

  it('has nobody who waits once its reporter is gone: that can be seen', async () => {
    const said = report('PermissionRequest', '{}');
    const name = await firstReport();
    children.at(-1)?.kill('SIGTERM');
    await said;
    expect(() => open(pipeOf(name))).toThrow('ENXIO');
  });

  /** Between a report and the opening of its FIFO there may be a moment. */
  async function answer(name: string, text: string): Promise<void> {
    const pipe = await opened(name);
    writeSync(pipe, text);
    closeSync(pipe);
  }

  async function opened(name: string): Promise<number> {
    for (;;) {
      try {
        return open(name);
      } catch (error) {
        if (errorCode(error) !== 'ENXIO') throw error;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
});

describe('hold', () => {
  it('lets no tool begin while it is there', async () => {
    writeFileSync(join(run, 'hold'), '');
    let over = false;
    const said = report('PreToolUse', '{}').then((end) => {
      over = true;
      return end;
    });
    await firstReport();
    await report('PostToolUse', '{}'); // others go on
    expect(over).toBe(false);
    rmSync(join(run, 'hold'));
    expect(await said).toEqual(SILENT);
  });

  it('that is old holds nothing', async () => {
    writeFileSync(join(run, 'hold'), '');
    const old = Date.now() / 1_000 - 11;
    utimesSync(join(run, 'hold'), old, old);
    expect(await report('PreToolUse', '{}')).toEqual(SILENT);
  });
});
