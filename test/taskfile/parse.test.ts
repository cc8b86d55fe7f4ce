import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import matter from 'gray-matter';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/runtime/model/refusal.ts';
import { parseTask } from '../../src/runtime/taskfile/parse.ts';

const parse = (text: string) => parseTask(Buffer.from(text));

function good(text: string) {
  const parsed = parse(text);
  if (isRefusal(parsed)) throw new Error(parsed.message);
  return parsed;
}

function refusal(input: string | Uint8Array) {
  const parsed = parseTask(Buffer.from(input));
  if (!isRefusal(parsed)) throw new Error(`taken: ${JSON.stringify(parsed).slice(0, 200)}`);
  return parsed;
}

const header = (lines: string) => `---\n${lines}\n---\nbody\n`;

describe('what a task file says', () => {
  it('is typed by the keys, not guessed by YAML', () => {
    const { spec } = good(
      header(
        'model: 017\ngroup: 1:30\nneeds_claude_code: TRUE\nallow_delegation: false\nttl_seconds: 0120\nbudget_usd: 2.50\nbase: 2026-01-01\ntitle: yes',
      ),
    );
    expect(spec).toMatchObject({ model: '017', group: '1:30', needs_claude_code: true, allow_delegation: false });
    expect(spec).toMatchObject({ ttl_seconds: 120, budget_usd: 2.5, base: '2026-01-01', title: 'yes' });
  });

  it('takes lists in every YAML form, and names split at commas', () => {
    const { spec } = good(
      header('tags: a, b\nrequires: [lint, "x y"]\ndepends_on:\n  - one\n  - two\nconstraints: first, then'),
    );
    expect(spec).toMatchObject({ tags: ['a', 'b'], requires: ['lint', 'x y'], depends_on: ['one', 'two'] });
    expect(spec.constraints).toEqual(['first, then']);
    expect(good(header('allowed_tools: Bash(git log, git show)')).spec.allowed_tools).toEqual([
      'Bash(git log, git show)',
    ]);
  });

  it('counts an empty value, ~ and null as not given', () => {
    const { spec } = good(header('tags:\nagent: ~\nmodel: null\npriority:'));
    expect(spec).toMatchObject({ tags: [], priority: 'default' });
    expect([spec.agent, spec.model]).toEqual([undefined, undefined]);
    expect(good(header('model: "null"')).spec.model).toBe('null');
  });

  it('takes medium for default', () => {
    expect(good(header('priority: medium')).spec.priority).toBe('default');
  });

  it('keeps and ignores unknown keys', () => {
    const { extra, spec } = good(header('assignee: me\nnested: {a: [1, 2]}'));
    expect(extra.get('assignee')).toBe('me');
    expect(spec).not.toHaveProperty('assignee');
  });

  it('is all body without front matter, and starts where the fence ends', () => {
    expect(good('just do it\n---\nreally').body).toBe('just do it\n---\nreally');
    expect(good('----\nnot a fence').body).toBe('----\nnot a fence');
    expect(good('---\ntitle: x\n---\n\n  body\n').body).toBe('\n  body\n');
    expect(good('---yaml\ntitle: x\n---\nbody').spec.title).toBe('x');
  });

  it('may have a byte order mark and CRLF', () => {
    const parsed = good('\ufeff---\r\ntitle: x\r\ntags:\r\n  - a\r\n---\r\nline\r\nline');
    expect(parsed).toMatchObject({ spec: { title: 'x', tags: ['a'] }, body: 'line\r\nline' });
  });

  it('is titled by its key, its first heading or its first line', () => {
    expect(good(header('title: "a\\n b\\u0007"')).title).toBe('a b');
    expect(good('intro\n\n## The heading ##\nmore').title).toBe('The heading');
    expect(good('\n\n  first\tline  \nmore').title).toBe('first line');
    expect(good('x'.repeat(5_000)).title).toHaveLength(200);
  });

  it('uses the title for an empty body, and needs one of them', () => {
    expect(good('---\ntitle: Fix it\n---\n \n\n').body).toBe('Fix it');
    for (const empty of [
      '',
      '\n \n',
      '---\n---\n',
      '\ufeff',
      '---\npriority: low\n---\n',
      '\u200b\n',
      '---\ntitle: "\\u0007"\n---\n',
    ])
      expect(refusal(empty).message).toContain('neither a body nor a title');
  });
});

describe('a wrong value is refused with the key, the value and what is allowed', () => {
  it.each([
    ['priority: urgent', 'priority: "urgent"', 'critical | high | default | low | medium'],
    ['mode: fast', 'mode: "fast"', 'session | headless'],
    ['needs_claude_code: 1', 'needs_claude_code: "1"', 'true | false'],
    ['ttl_seconds: 5', 'ttl_seconds: "5"', 'a whole number from 60 to 86400'],
    ['ttl_seconds: 1h', 'ttl_seconds: "1h"', 'a whole number'],
    ['max_attempts: 1.5', 'max_attempts: "1.5"', 'from 1 to 20'],
    ['budget_usd: -1', 'budget_usd: "-1"', 'a number above 0'],
    ['not_before: tomorrow', 'not_before: "tomorrow"', '2026-12-01T08:00:00Z'],
    ['callback_url: here', 'callback_url: "here"', 'a URL'],
    ['continues: ../x', 'continues: "../x"', 'the id of a task'],
    ['depends_on: [a, ../b]', 'depends_on: ["a","../b"]', 'a list of at most 200'],
    ['agent: [a, b]', 'agent: ["a","b"]', 'a text of 1 to 100'],
    ['tags: {a: b}', 'tags: {"a":"b"}', 'a list of at most 50'],
    ['title: ""', 'title: ""', 'a text of 1 to 300'],
  ])('%s', (line, says, allowed) => {
    const { message, hint } = refusal(header(line));
    expect(message).toContain(says);
    expect(hint).toContain(allowed);
  });

  it('bounds the value', () => {
    expect(refusal(header(`priority: ${'x'.repeat(100_000)}`)).message.length).toBeLessThan(400);
  });
});

describe('hostile headers', () => {
  it.each([
    'js',
    'JS',
    'javascript',
    'json',
    'coffee',
    'cson',
    'toml',
    ' js ',
    'constructor',
    '__proto__',
    'toString',
    '\tjs',
  ])('refuses the language %s by name and evaluates nothing', (language) => {
    const dir = mkdtempSync(join(tmpdir(), 'ym-'));
    const proof = join(dir, 'proof');
    const evil = `require('fs').writeFileSync(${JSON.stringify(proof)}, 'x')`;
    try {
      expect(refusal(`---${language}\n${evil}\n---\nbody`).message).toContain(language.trim());
      expect(refusal(`---${language}\r\n${evil}\r\n---\r\nbody`).message).toContain(language.trim());
      expect(refusal(`\ufeff---${language}\n${evil}`).message).toContain(language.trim());
      expect(refusal(`---${language}`).refused).toBe(true);
      expect(existsSync(proof)).toBe(false);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('needs the guard: gray-matter alone evaluates, and lets an Object method be an engine', () => {
    const world = globalThis as { ymProof?: number };
    matter('---js\n(globalThis.ymProof = 1, {})\n---\n', { language: 'yaml' });
    expect(world.ymProof).toBe(1);
    delete world.ymProof;
    expect(matter('---constructor\nx\n---\n', { language: 'yaml' }).language).toBe('constructor');
  });

  it.each([
    ['alias', 'a: &x 1\ntitle: *x', 'aliases'],
    [
      'bomb',
      `a: &a [x,x]\n${[...'bcdefghi'].map((c, i) => `${c}: &${c} [*${'abcdefgh'[i]},*${'abcdefgh'[i]}]`).join('\n')}`,
      'aliases',
    ],
    ['merge key', '<<: {title: x}', 'merge keys'],
    ['duplicate key', 'title: a\ntitle: b', 'given twice'],
    ['tag', 'title: !!js/function "x"', 'tag'],
    ['second document', 'title: a\n...\ntitle: b', 'document'],
    ['list', '- a', 'not a list of "key: value"'],
    ['text', 'hello', 'not a list of "key: value"'],
    ['broken', 'title: [a', 'front matter:'],
    ['map as key', '? {a: b}\n: c', 'key'],
    ['not a fence', 'title: a\n---x\nmore', 'starts with dashes'],
  ])('refuses: %s', (_name, lines, says) => {
    expect(refusal(header(lines)).message).toContain(says);
  });

  it('refuses a header that never ends', () => {
    expect(refusal('---\ntitle: a\nbody').message).toContain('never closed');
  });

  it('refuses invalid UTF-8 and NUL', () => {
    expect(refusal(Buffer.from([0x68, 0xff, 0xfe])).message).toContain('UTF-8');
    expect(refusal(Buffer.from([0xc0, 0x80])).message).toContain('UTF-8');
    expect(refusal('a\0b').message).toContain('NUL');
    expect(refusal(header('title: "a\\0b"')).message).toContain('NUL');
  });

  it.each([
    ['20,000 brackets, which can abort the process', `a: ${'['.repeat(20_000)}`, 'too deeply'],
    ['100,000 brackets', `a: ${'['.repeat(100_000)}`, 'too deeply'],
    ['100,000 maps', `a: ${'{b: '.repeat(100_000)}`, 'too deeply'],
    ['100,000 dashes', '- '.repeat(100_000), 'too deeply'],
    ['100,000 question marks', '? '.repeat(100_000), 'too deeply'],
    ['deep indentation', Array.from({ length: 1_000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), 'too deeply'],
    ['500,000 empty lines', '\n'.repeat(500_000), 'empty lines'],
    ['500,000 spaced lines', ' \n'.repeat(500_000), 'empty lines'],
    ['line separators', `a: b${'\u2028'.repeat(100_000)}`, 'empty lines'],
    ['200,000 keys', Array.from({ length: 200_000 }, (_, i) => `k${i}:`).join('\n'), ''],
    ['2 MB', `a: ${'x'.repeat(2_000_000)}`, 'longer than'],
  ])('refuses %s fast', (_name, lines, says) => {
    const started = performance.now();
    expect(refusal(header(lines)).message).toContain(says);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it.each([
    ['a long plain text', `a: ${'x '.repeat(400_000)}`],
    ['a long quoted text', `a: "${'\\\\'.repeat(400_000)}"`],
    ['a long block text', `a: |\n${'  x\n'.repeat(200_000)}`],
    ['many comments', '# x\n'.repeat(200_000)],
    ['colons', `a: ${'x:y'.repeat(200_000)}`],
  ])('reads or refuses %s fast', (_name, lines) => {
    const started = performance.now();
    parse(header(lines));
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('pollutes no prototype', () => {
    const { spec } = good(header('__proto__: {polluted: yes}\nconstructor: {prototype: {polluted: yes}}\ntoString: x'));
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect((spec as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('shares nothing between two reads of the same text', () => {
    const [a, b] = [good(header('tags: [x]')), good(header('tags: [x]'))];
    a.spec.tags.push('y');
    expect(b.spec.tags).toEqual(['x']);
  });
});

describe('result_schema', () => {
  const parsed = (yaml: string) => parseTask(Buffer.from(`---\n${yaml}\n---\nList them.`));

  it('stands there as JSON text, or as YAML whose texts become what their keywords want', () => {
    const wanted = { type: 'object', required: ['n'], properties: { n: { type: 'integer', minimum: 1 } } };
    const yaml = 'result_schema:\n  type: object\n  required: [n]\n  properties:\n    n: { type: integer, minimum: 1 }';
    expect(parsed(`result_schema: '${JSON.stringify(wanted)}'`)).toMatchObject({ spec: { result_schema: wanted } });
    expect(parsed(yaml)).toMatchObject({ spec: { result_schema: wanted } });
  });

  it('that is not understood is refused with its key', () => {
    expect(parsed('result_schema: { properties: { n: { minimun: 1 } } }')).toMatchObject({
      refused: true,
      message: 'result_schema: the keyword "minimun" at /properties/n is not understood',
    });
  });
});
