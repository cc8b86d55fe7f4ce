import { describe, expect, it } from 'vitest';
import { fillArgv } from '../../../src/runtime/runs/argv.ts';

const values = {
  prompt_file: '/home/runs/p/t/1/prompt.md',
  output_file: '/home/runs/p/t/1/output',
  task: 'a b; rm -rf {model}',
  project_dir: '/code/my shop',
  model: 'opus',
};

describe('filling in a command', () => {
  it.each([
    [
      ['bot', '--task', '{prompt_file}'],
      ['bot', '--task', values.prompt_file],
    ],
    [
      ['bot', '--in={project_dir}/x', '{task}'],
      ['bot', '--in=/code/my shop/x', 'a b; rm -rf {model}'],
    ],
    [
      ['bot', '{model}{model}', '-o', '{output_file}'],
      ['bot', 'opusopus', '-o', values.output_file],
    ],
    [
      ['bot', '{"json": {"a": 1}}', '{}', '$HOME', '{ x }'],
      ['bot', '{"json": {"a": 1}}', '{}', '$HOME', '{ x }'],
    ],
    [['{project_dir}/bin/bot'], ['/code/my shop/bin/bot']],
  ])('%j becomes %j', (command, argv) => {
    expect(fillArgv(command, values)).toEqual(argv);
  });

  it.each(['promt_file', 'constructor', 'HOME'])('{%s} is refused by name', (name) => {
    expect(fillArgv(['bot', `--x={${name}}`], values)).toMatchObject({
      refused: true,
      code: 'not_configured',
      message: expect.stringContaining(`{${name}}`),
    });
  });

  it.each(['--dangerous', '-x', 'a b', '', 'x\ny'])('the model %j is refused: a task must not add options', (model) => {
    expect(fillArgv(['bot', '{model}'], { ...values, model })).toMatchObject({ code: 'invalid' });
    expect(fillArgv(['bot'], { ...values, model })).toEqual(['bot']);
  });

  it('a command that needs a model is refused without one', () => {
    expect(fillArgv(['bot', '{model}'], { ...values, model: undefined })).toMatchObject({ code: 'not_configured' });
  });
});
