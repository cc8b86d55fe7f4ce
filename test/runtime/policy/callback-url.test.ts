import { describe, expect, test } from 'vitest';
import { callbackHost, refuseCallback } from '../../../src/runtime/policy/callback-url.ts';

const rules = { hosts: ['ci.example', 'ci.example:8443', '127.0.0.1:9000', '[::1]:9000'], private: false };

describe('what may be called back', () => {
  test.each([
    undefined,
    'https://ci.example/hook?token=1',
    'https://CI.example:443/hook',
    'https://ci.example./hook',
    'https://ci.example:8443/',
    'https://127.0.0.1:9000/',
    'https://[::1]:9000/',
    'https://2130706433:9000/', // another way to write 127.0.0.1
  ])('%s', (url) => expect(refuseCallback(url, rules)).toBeUndefined());

  test('http, where private networks are allowed', () => {
    expect(refuseCallback('http://127.0.0.1:9000/', { ...rules, private: true })).toBeUndefined();
  });
});

describe('what may not', () => {
  test.each([
    ['https://other.example/', 'other.example is not an allowed host'],
    ['https://ci.example:444/', 'ci.example:444 is not an allowed host'],
    ['https://ci.example.evil.example/', 'not an allowed host'],
    ['https://x.ci.example/', 'not an allowed host'],
    ['https://ci.example@evil.example/', 'name or password'],
    ['https://user:secret@ci.example/', 'name or password'],
    ['http://ci.example:8443/', 'http:// is only for this machine'],
    ['ftp://ci.example/', 'ftp: is no way to call back'],
    ['nonsense', 'no address'],
  ])('%s', (url, why) => {
    const refusal = refuseCallback(url, rules);
    expect(refusal).toMatchObject({ code: 'not_allowed', message: expect.stringContaining(why) });
    expect(JSON.stringify(refusal)).not.toContain('secret');
  });

  test('anything, when no host is allowed; the hint says what to write where', () => {
    const refusal = refuseCallback('https://ci.example:8443/hook', { hosts: [], private: false });
    expect(refusal?.hint).toContain('Add "ci.example:8443" to callbacks.hosts in yardmaster.yaml (now: none)');
  });
});

test('only the host of an address is shown to anybody', () => {
  expect(callbackHost('https://ci.example:8443/hook?token=secret')).toBe('ci.example:8443');
});
