import { expect, test } from 'vitest';
import { blockFor, CLIENTS, type Way } from '../../../src/cli/clients/clients.ts';
import { merge } from '../../../src/cli/clients/merge.ts';
import { render } from '../../../src/cli/clients/render.ts';

const stdio: Way = { kind: 'stdio', command: '/usr/bin/node', args: ['/opt/it"s/main.js', 'mcp'], env: { A: 'b' } };
const http: Way = { kind: 'http', url: 'http://127.0.0.1:7431/mcp', token: undefined };
const json = (text: string) => JSON.parse(text) as Record<string, Record<string, unknown>>;

function merged(before: string | undefined, block = blockFor('gemini', stdio)): string {
  const result = merge(before, block);
  if (!('text' in result)) throw new Error(`nothing to write: ${JSON.stringify(result)}`);
  return result.text;
}

test('an absent or empty file gets the block as it is printed', () => {
  for (const client of CLIENTS) {
    const block = blockFor(client, stdio);
    expect(merge(undefined, block)).toEqual({ kind: 'new', text: render(block) });
    expect(merge(' \n', block)).toEqual({ kind: 'new', text: render(block) });
  }
});

test('what is there stays: other servers, other settings, their order and the indent', () => {
  const before = '{\n\t"theme": "dark",\n\t"mcpServers": {\n\t\t"other": { "command": "x" }\n\t},\n\t"last": 1\n}\n';
  const after = merged(before);
  expect(after).toMatch(/^\{\n\t"theme"/);
  expect(Object.keys(json(after))).toEqual(['theme', 'mcpServers', 'last']);
  expect(json(after)).toMatchObject({
    theme: 'dark',
    mcpServers: { other: { command: 'x' }, yardmaster: { command: '/usr/bin/node' } },
  });
});

test('the same again changes nothing; another entry of our name is told apart', () => {
  const block = blockFor('gemini', stdio);
  expect(merge(merged(undefined), block)).toEqual({ kind: 'same' });
  expect(merge(merged(undefined, blockFor('gemini', http)), block)).toMatchObject({ kind: 'taken' });
});

test('what is not plain JSON, or not as expected, is left to its owner', () => {
  const block = blockFor('vscode', http);
  const strange = ['{ // mine\n}', '[]', '{"servers": []}', '{"servers": {}, "inputs": {}}', 'null', '{"servers":'];
  for (const before of strange) expect(merge(before, block)).toMatchObject({ kind: 'unclear' });
});

test('VS Code asks for the token: its inputs keep the others and get ours once', () => {
  const before = JSON.stringify({ inputs: [{ id: 'theirs' }, { id: 'yardmaster-token', type: 'old' }] });
  const after = json(merged(before, blockFor('vscode', http)));
  expect(after.inputs).toEqual([{ id: 'theirs' }, expect.objectContaining({ type: 'promptString', password: true })]);
  expect(after.servers?.yardmaster).toMatchObject({
    headers: { Authorization: expect.stringMatching(/^Bearer \$\{input:yardmaster-token\}$/) },
  });
});

test('a TOML file is only ever appended to', () => {
  const before = '# mine\nmodel = "o3"\n\n[mcp_servers.other]\ncommand = "x"';
  const block = blockFor('codex', stdio);
  const after = merged(before, block);
  expect(after).toBe(`${before}\n\n${render(block)}`);
  expect(after).toContain('args = ["/opt/it\\"s/main.js", "mcp"]\nenv = { A = "b" }\n');
  expect(merge(after, block)).toEqual({ kind: 'same' });
});

test('a TOML file that can take no such table is left alone', () => {
  const block = blockFor('codex', http);
  const strange = [
    '[mcp_servers.yardmaster]\ncommand = "old"\n',
    ' [ "mcp_servers" . yardmaster.env ]\nA = "b"\n',
    'mcp_servers = { other = { command = "x" } }\n',
    'mcp_servers.other.command = "x"\n',
  ];
  for (const before of strange) expect(merge(before, block)).toMatchObject({ kind: 'unclear' });
});

test('no block holds a token that was not asked for, and each can hold one that was', () => {
  for (const client of CLIENTS) {
    expect(render(blockFor(client, http))).toMatch(/YARDMASTER_TOKEN|input:yardmaster-token/);
    const held = render(blockFor(client, { ...http, token: 'abc123' }));
    expect(held).toContain('"Bearer abc123"');
    expect(held).not.toMatch(/YARDMASTER_TOKEN|input/);
  }
});
