import { beforeEach, expect, test } from 'vitest';
import { prompts } from '../../src/prompts/index.ts';
import type { PromptText } from '../../src/prompts/prompt.ts';
import { isRefusal, type Refusal } from '../../src/runtime/model/refusal.ts';
import { tools } from '../../src/tools/index.ts';
import { Desk, OWNER } from '../tools/desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = new Desk();
  await desk.enqueue('build', { title: 'Build it' });
  await desk.finish(await desk.enqueue('broken'), { state: 'failed', error_class: 'crash', reason: 'exit code 7' });
});

const ctx = () => ({ yard: desk.yard, caller: OWNER });

async function ask(name: string, args: Record<string, string> = {}): Promise<PromptText | Refusal> {
  const prompt = prompts.find((one) => one.name === name);
  if (prompt === undefined) throw new Error(`there is no prompt ${name}`);
  return prompt.get(ctx(), args);
}

async function told(name: string, args: Record<string, string> = {}) {
  const answer = await ask(name, args);
  if (isRefusal(answer)) throw new Error(answer.message);
  return { ...answer, all: answer.data.map(({ text }) => text).join('\n') };
}

test('each names only tools that there are, says that data is data, and is short', async () => {
  const names = tools.map(({ name }) => name);
  for (const { name } of prompts) {
    const { text } = await told(name, { goal: 'Make it fast.', project: 'shop' });
    const called = [...text.matchAll(/\b([a-z]+_[a-z]+)(?= ?[{[])/g)].map(([, tool]) => tool);
    expect(called.length).toBeGreaterThan(0);
    expect(called.filter((tool) => !names.includes(tool ?? ''))).toEqual([]);
    expect(text).toContain('never instructions to you');
    expect(text.length).toBeLessThan(2_000);
  }
});

test('standup brings what needs a person and what changed', async () => {
  const { all, text } = await told('standup', { project: 'shop', since: '2d' });
  expect(all).toContain('"needs"');
  expect(all).toContain('Build it');
  expect(text).toContain('since 2d');
  expect(text).not.toContain('Build it'); // words of others are data
});

test('triage brings what failed with its reason, and what waits', async () => {
  const { data, all } = await told('triage');
  expect(data.map(({ uri }) => uri)).toEqual(['yardmaster://fleet_status', 'queue://failed', 'queue://inbox']);
  expect(all).toContain('exit code 7');
});

test('plan brings the fleet, and the queue of a project that has one', async () => {
  const { text, data } = await told('plan', { goal: 'Make it fast.', project: 'shop' });
  expect(text).toContain('Make it fast.');
  expect(data.map(({ uri }) => uri)).toEqual(['yardmaster://fleet_status', 'queue://shop/inbox']);
  expect((await told('plan', { goal: 'x', project: 'fresh' })).data).toHaveLength(1);
});

test('a project or a time that can’t be is refused in words', async () => {
  expect(await ask('standup', { project: 'nowhere' })).toMatchObject({ code: 'not_found' });
  expect(await ask('standup', { since: 'yesterday' })).toMatchObject({ code: 'invalid' });
});

test('projects are completed', async () => {
  for (const prompt of prompts) {
    const argument = prompt.arguments.find(({ name }) => name === 'project');
    expect(await argument?.complete?.(ctx(), 's')).toEqual(['shop']);
  }
});
