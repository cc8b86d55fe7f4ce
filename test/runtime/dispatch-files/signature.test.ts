import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { JsonObject } from '../../../src/runtime/dispatch-files/json.ts';
import { canonical, refuseSignature, sign, signingKey } from '../../../src/runtime/dispatch-files/signature.ts';

const README = new URL('../../../README.md', import.meta.url);

test('what is signed has sorted keys, nothing between them, and not the signature', () => {
  const file = { b: [1, { z: 'é"\n', a: null }], 10: 1, 9: true, source_signature: 'x', a: 1.5 };
  expect(canonical(file)).toBe('{"10":1,"9":true,"a":1.5,"b":[1,{"a":null,"z":"é\\"\\n"}]}');
  expect(canonical({ '\u{1f600}': 1, '\uff5e': 2 })).toBe('{"\uff5e":2,"\u{1f600}":1}');
});

test('the example of the README signs so that it is accepted', () => {
  const [, script = ''] = /```sh\n(text=\$\(jq[^`]*)```/.exec(readFileSync(README, 'utf8')) ?? [];
  expect(script.split('\n').filter(Boolean)).toHaveLength(3);
  const dir = mkdtempSync(join(tmpdir(), 'ym-sign-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const file = {
    task: 'Größe: "5\\"\n',
    id: 'dispatch-x',
    nested: { z: [1, 2.5, true, null], a: {} },
    source_signature: 'old',
  };
  writeFileSync(join(dir, 'dispatch.json'), JSON.stringify(file, null, 2));
  execFileSync('sh', ['-ec', script], { cwd: dir, env: { ...process.env, DISPATCH_KEY: 'a key' } });
  const signed = JSON.parse(readFileSync(join(dir, '.signed.part'), 'utf8'));
  expect(signed).toMatchObject({ ...file, source_signature: sign(file, 'a key') });
  expect(refuseSignature(signed, 'a key')).toBeUndefined();
  expect(refuseSignature(signed, 'another key')).toMatchObject({ field: 'source_signature' });
});

test('a signature fits one content and one key, however the keys are ordered', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string({ minLength: 1 }), (given, key) => {
      const file = given as JsonObject;
      const source_signature = sign(file, key);
      const turned = Object.fromEntries(Object.entries(file).reverse());
      expect(refuseSignature({ ...turned, source_signature }, key)).toBeUndefined();
      expect(refuseSignature({ ...file, source_signature: `sha256=${source_signature}` }, key)).toBeUndefined();
      expect(refuseSignature({ ...file, source_signature }, `${key}.`)).toBeDefined();
      const { added: _, ...rest } = file;
      const other = { ...rest, ...(!('added' in file) && { added: null }) };
      expect(refuseSignature({ ...other, source_signature }, key)).toBeDefined();
    }),
  );
});

test('nothing that is no signature passes', () => {
  for (const source_signature of [undefined, null, 7, '', 'sha256=', 'zz', ['a'], '0'.repeat(64), 'é'.repeat(64)])
    expect(refuseSignature({ a: 1, source_signature } as never, 'k'), String(source_signature)).toBeDefined();
});

test('a key that is named and not there is not the same as none', () => {
  expect(signingKey(undefined, {})).toBeUndefined();
  expect(signingKey('KEY', {})).toBe('unset');
  expect(signingKey('KEY', { KEY: '' })).toBe('unset');
  expect(signingKey('KEY', { KEY: 'k' })).toEqual({ secret: 'k' });
});
