import { afterEach, beforeEach, expect, test } from 'vitest';
import { methods } from '../../src/methods.ts';
import { TaskId } from '../../src/runtime/model/ids.ts';
import { isRefusal } from '../../src/runtime/model/refusal.ts';
import type { WorktreeView } from '../../src/runtime/worktree-desk.ts';
import { MemoryYard } from '../fakes/memory-yard.ts';
import { type Call, type Said, World } from './world.ts';

/* `yardmaster worktrees` against a yard in memory. */

let world: World;
let yard: MemoryYard;

beforeEach(async () => {
  world = await World.make();
  yard = new MemoryYard();
  const { id: project } = await yard.store.adoptProject('/memory/shop', 'shop');
  const tree = (id: string, more: Partial<WorktreeView> = {}): WorktreeView => ({
    ...{ task: { project, id: TaskId.parse(id) }, state: 'done', path: `/home/worktrees/${id}` },
    ...{ branch: `yardmaster/${id}`, base: 'main', commits: 2, files_changed: 3, insertions: 10, deletions: 1 },
    ...{ changes: [], in_use: false },
    ...more,
  });
  yard.worktrees.all.push(
    tree('busy', { state: 'running', in_use: true }),
    tree('clean'),
    tree('kept', {
      kept: '1 file is not committed',
      uncommitted: '1 file is not committed',
      changes: ['?? a\u001b[31m.ts'],
    }),
  );
});
afterEach(() => world.end());

async function yardmaster(words: string[], given: Parameters<World['yardmaster']>[1] = {}): Promise<Said> {
  world.runtime.answer = (call, socket) => {
    void answered(call).then((reply) => {
      socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: call.id, ...reply })}\n`);
    });
    return undefined;
  };
  return world.yardmaster(words, given);
}

async function answered({ method, params }: Call): Promise<object> {
  const told = await methods[method]?.(yard, params, {} as never);
  if (!isRefusal(told)) return { result: told };
  return { error: { code: -32600, message: told.message, data: { hint: told.hint } } };
}

const left = () => yard.worktrees.all.map(({ task }) => task.id);

test('lists them, with why one is kept', async () => {
  expect((await yardmaster(['worktrees'])).out).toBe(
    [
      'TASK        STATE    BRANCH            COMMITS  DIFF            PATH',
      'shop/busy   running  yardmaster/busy   2        3 files +10 -1  /home/worktrees/busy',
      'shop/clean  done     yardmaster/clean  2        3 files +10 -1  /home/worktrees/clean',
      'shop/kept   done     yardmaster/kept   2        3 files +10 -1  /home/worktrees/kept',
      '  kept: 1 file is not committed',
      '',
    ].join('\n'),
  );
  expect(JSON.parse((await yardmaster(['worktrees', '--json'])).out)).toMatchObject({
    worktrees: [{ project: 'shop', id: 'busy' }, {}, { kept: '1 file is not committed' }],
  });
});

test('clean takes what may go, and says why the others stay', async () => {
  const said = await yardmaster(['worktrees', 'clean']);
  expect(said).toMatchObject({
    code: 0,
    out: 'in use shop/busy: task busy is running\nremoved shop/clean: its branch stays\nkept shop/kept: 1 file is not committed\n',
  });
  expect(left()).toEqual(['busy', 'kept']);
});

test('what is lost is named before anybody is asked, and a no removes nothing', async () => {
  const asked: string[] = [];
  const ask = (reply: string) => async (question: string) => {
    asked.push(question);
    return reply;
  };
  const no = await yardmaster(['worktrees', 'clean', 'shop/kept', '--discard'], { ask: ask('') });
  expect(no.err).toContain('is lost: 1 file is not committed; yardmaster/kept with 2 commits stays');
  expect(no.err).toContain('?? a');
  expect(no.err).not.toContain('\u001b[31m.ts');
  expect(left()).toEqual(['busy', 'clean', 'kept']);
  await yardmaster(['worktrees', 'clean', 'shop/kept', '--discard'], { ask: ask('y') });
  expect(left()).toEqual(['busy', 'clean']);
  expect(asked).toHaveLength(2);
});

test('one in use is never taken, and one that is not there is named', async () => {
  const busy = await yardmaster(['worktrees', 'clean', 'busy', '--discard', '--yes']);
  expect(busy).toMatchObject({ code: 1, out: 'in use shop/busy: task busy is running\n' });
  const none = await yardmaster(['worktrees', 'clean', 'nothing']);
  expect(none.code).toBe(1);
  expect(none.err).toContain('nothing');
  expect(left()).toEqual(['busy', 'clean', 'kept']);
});

test('without anybody to ask, --discard needs --yes', async () => {
  const said = await yardmaster(['worktrees', 'clean', '--discard']);
  expect(said.code).toBe(2);
  expect(left()).toEqual(['busy', 'clean', 'kept']);
});
