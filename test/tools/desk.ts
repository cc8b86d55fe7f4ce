import { TaskId, type TaskRef } from '../../src/runtime/model/ids.ts';
import { isRefusal, type Refusal } from '../../src/runtime/model/refusal.ts';
import type { OutcomeInput } from '../../src/runtime/model/task.ts';
import type { Caller } from '../../src/runtime/yard.ts';
import { tools } from '../../src/tools/index.ts';
import type { ToolContext } from '../../src/tools/tool.ts';
import { MemoryYard } from '../fakes/memory-yard.ts';

export const OWNER: Caller = { principal: 'owner', name: 'a test' };

/** A client with the tools in front of it: checks input and output against the schemas, as the server does. */
export class Desk {
  readonly yard: MemoryYard;
  readonly caller: Caller;

  constructor(config: unknown = {}, caller: Caller = OWNER, yard = new MemoryYard(config)) {
    this.yard = yard;
    this.caller = caller;
  }

  /** The same yard, seen by somebody else. */
  as(caller: Caller): Desk {
    return new Desk({}, caller, this.yard);
  }

  async ask(
    name: string,
    args: object = {},
    more: Partial<ToolContext> = {},
  ): Promise<Record<string, unknown> | Refusal> {
    const tool = tools.find((one) => one.name === name);
    if (!tool) throw new Error(`there is no tool ${name}`);
    const ctx: ToolContext = { yard: this.yard, caller: this.caller, signal: new AbortController().signal, ...more };
    const answer = await tool.handle(ctx, tool.input.parse(args));
    return isRefusal(answer) ? answer : tool.output.parse(answer);
  }

  /** The answer of a call that is accepted. */
  async call(name: string, args: object = {}, more: Partial<ToolContext> = {}): Promise<Record<string, unknown>> {
    const answer = await this.ask(name, args, more);
    if (isRefusal(answer)) throw new Error(`${name} was refused as ${answer.code}: ${answer.message}`);
    return answer;
  }

  async refusal(name: string, args: object = {}, more: Partial<ToolContext> = {}): Promise<Refusal> {
    const answer = await this.ask(name, args, more);
    if (!isRefusal(answer)) throw new Error(`${name} was not refused: ${JSON.stringify(answer)}`);
    return answer;
  }

  async enqueue(id: string, fields: object = {}): Promise<TaskRef> {
    const { project } = await this.call('enqueue_task', { project: 'shop', id, body: 'Do it.', ...fields });
    return this.ref(id, String(project));
  }

  ref(id: string, project = 'shop'): TaskRef {
    const known = this.yard.store.projects().find(({ name }) => name === project);
    if (!known) throw new Error(`there is no project ${project}`);
    return { project: known.id, id: TaskId.parse(id) };
  }

  async run(ref: TaskRef) {
    const claimed = await this.yard.store.claim(ref, { to: 'agent', agent: 'worker', kind: 'command', rules: [] });
    if (isRefusal(claimed)) throw new Error(claimed.message);
    await this.yard.store.started(claimed.lease);
    return claimed.lease;
  }

  async finish(ref: TaskRef, outcome: OutcomeInput = { state: 'done', result: 'It is done.' }): Promise<void> {
    await this.yard.store.end(await this.run(ref), { kind: 'finished', outcome });
  }
}
