import { type GetPromptResult, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import type { Prompt, PromptArgument } from '../prompts/prompt.ts';
import type { ResourceContext } from '../resources/resource.ts';
import { nearest } from '../runtime/model/nearest.ts';
import { isRefusal } from '../runtime/model/refusal.ts';

/** As the protocol lists it. */
export function listedPrompt(prompt: Prompt) {
  return {
    name: prompt.name,
    title: prompt.title,
    description: prompt.description,
    arguments: prompt.arguments.map(({ name, description, required = false }) => ({ name, description, required })),
  };
}

/** The text first, then the data as resources of their own: a client shows or sends them as such. */
export async function getPrompt(
  prompts: readonly Prompt[],
  context: () => Promise<ResourceContext>,
  { name, arguments: args = {} }: { name: string; arguments?: Record<string, string> | undefined },
): Promise<GetPromptResult> {
  const prompt = promptNamed(prompts, name);
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value.trim() !== ''));
  checkArguments(prompt, given);
  const result = await prompt.get(await context(), given);
  if (isRefusal(result)) throw invalid(`${result.message} ${result.hint}`);
  const { description } = prompt;
  const data = result.data.map((resource) => ({
    role: 'user' as const,
    content: { type: 'resource' as const, resource: { ...resource } },
  }));
  return { description, messages: [{ role: 'user', content: { type: 'text', text: result.text } }, ...data] };
}

export function argumentOf(prompts: readonly Prompt[], name: string, argument: string): PromptArgument | undefined {
  return promptNamed(prompts, name).arguments.find((one) => one.name === argument);
}

function promptNamed(prompts: readonly Prompt[], name: string): Prompt {
  const found = prompts.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = prompts.map((one) => one.name);
  const near = nearest(name, names);
  throw invalid(`There is no prompt ${name.slice(0, 80)}. ${near ? `Did you mean ${near}?` : `There are: ${names}.`}`);
}

function checkArguments(prompt: Prompt, given: Readonly<Record<string, string>>): void {
  const names = prompt.arguments.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  const missing = prompt.arguments.find(({ name, required }) => required && given[name] === undefined);
  if (unknown !== undefined) {
    throw invalid(`${prompt.name} has no argument ${unknown.slice(0, 80)}; it has ${names.join(', ')}.`);
  }
  if (missing !== undefined) throw invalid(`${prompt.name} needs ${missing.name}: ${missing.description}.`);
}

function invalid(message: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message);
}
