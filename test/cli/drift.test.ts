import { expect, test } from 'vitest';
import { Cli } from '../../src/cli/cli.ts';
import { commandFor } from '../../src/cli/commands.ts';
import { build } from '../../src/cli/index.ts';
import { TASK_KEYS } from '../../src/cli/task-options.ts';
import { TaskSpec } from '../../src/runtime/model/spec.ts';

const program = build(new Cli({ env: {} } as never, { version: '1' } as never));

test('each command that stands for a tool is there', () => {
  for (const [tool, words] of Object.entries(commandFor)) {
    const found = words
      .split(' ')
      .reduce(
        (command, word) => command?.commands.find((one) => one.name() === word),
        program as typeof program | undefined,
      );
    expect(found, `${tool}: yardmaster ${words}`).toBeDefined();
  }
});

test('each front-matter key is an option of enqueue, and the other way round', () => {
  expect(Object.keys(TASK_KEYS).sort()).toEqual(Object.keys(TaskSpec.shape).sort());
});
