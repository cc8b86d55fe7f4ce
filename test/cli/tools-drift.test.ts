import { expect, test } from 'vitest';
import { commandFor } from '../../src/cli/command-for.ts';
import { tools } from '../../src/tools/index.ts';

test('each tool has a command', () => {
  expect(Object.keys(commandFor).sort()).toEqual(tools.map(({ name }) => name).sort());
});
