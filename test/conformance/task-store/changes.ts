import { expect } from 'vitest';
import { isRefusal, refuse } from '../../../src/runtime/model/refusal.ts';
import type { AttemptEnd, RetryOrder } from '../../../src/runtime/ports.ts';
import { accepted, codeOf, FAILED, type MakeStore, OWNER, RUNNER, story, type World } from './world.ts';

const CALL = { by: 'owner', call: 'bridge-1:9' } as const;
const TEXT = { agent: 'claude', tags: ['a'], body: 'Build the thing.' };

function order(keys: Record<string, string | number | undefined>, more: Partial<RetryOrder> = {}): RetryOrder {
  return {
    amend: async () => ({ keys: new Map(Object.entries(keys)), instructions: 'And mind the gap.' }),
    refuses: () => undefined,
    ...more,
  };
}

async function inBackoff(world: World) {
  const ref = await world.enqueue('build', TEXT);
  const back = { kind: 'requeue', class: 'crash', reason: 'oops', not_before: world.now() + 1e7, spent: true } as const;
  accepted(await world.store.end(await world.run('build'), back satisfies AttemptEnd, RUNNER));
  return ref;
}

export function changeStories(make: MakeStore): void {
  story(make, 'a failed task becomes a new one with only that changed', async (world) => {
    const ref = await world.enqueue('build', TEXT);
    accepted(await world.store.end(await world.run('build'), FAILED, RUNNER));
    const made = accepted(await world.store.retry(ref, CALL, order({ agent: 'codex', budget_usd: 2 })));
    expect(await world.store.retry(ref, CALL, order({ agent: 'gemini' }))).toEqual(made);
    const { spec, retry_of } = await world.openTask(made.ref.id);
    expect({ ...spec, retry_of }).toMatchObject({ agent: 'codex', budget_usd: 2, tags: ['a'], retry_of: 'build' });
    const text = await world.textOf(made.ref.id);
    expect(text).toContain('agent: codex\ntags: ["a"]\nbudget_usd: 2\n---\n\nBuild the thing.\n');
    expect(text).toContain('**Further instructions**\n\nAnd mind the gap.\n');
    expect(world.store.open().size).toBe(1);
  });

  story(make, 'a waiting task is changed and freed in one step', async (world) => {
    const ref = await inBackoff(world);
    const types: string[] = [];
    const stop = world.store.subscribe((changes) => void types.push(...changes.map(({ seq }) => String(seq))));
    const first = accepted(await world.store.retry(ref, CALL, order({ agent: 'codex' })));
    stop();
    expect(first).toEqual({ ref, state: 'queued' });
    expect(new Set(types).size).toBe(1); // one record
    expect(await world.store.retry(ref, CALL, order({ agent: 'gemini' }))).toEqual(first);
    const task = await world.openTask('build');
    expect(task).toMatchObject({ attempt: 1, spent: 1, told_before: 1, spec: { agent: 'codex' } });
    expect(task).not.toHaveProperty('not_before');
    const claim = accepted(
      await world.store.claim(ref, { to: 'agent', agent: 'codex', kind: 'command', rules: [] }, OWNER),
    );
    expect(Buffer.from(claim.bytes).toString()).toContain('And mind the gap.');
  });

  story(make, 'what may not be changes nothing', async (world) => {
    const ref = await inBackoff(world);
    const before = await world.openTask('build');
    const never = order({}, { refuses: () => refuse('invalid', 'no agent', 'choose') });
    expect(codeOf(await world.store.retry(ref, OWNER, never))).toBe('invalid');
    const gone = order({}, { amend: async () => refuse('not_possible', 'no conversation', 'fresh') });
    expect(codeOf(await world.store.retry(ref, OWNER, gone))).toBe('not_possible');
    expect(await world.openTask('build')).toEqual(before);
  });

  story(make, 'a task at work is not changed', async (world) => {
    const ref = await world.enqueue('build', TEXT);
    await world.run('build');
    expect(codeOf(await world.store.retry(ref, OWNER, order({ agent: 'codex' })))).toBe('not_possible');
    expect((await world.openTask('build')).spec.agent).toBe('claude');
  });

  story(make, 'a claim in the same moment comes before or after, as a whole', async (world) => {
    for (let n = 0; n < 8; n++) {
      const id = `build-${n}`;
      const ref = await world.enqueue(id, TEXT);
      const claiming = world.store.claim(ref, { to: 'agent', agent: 'worker', kind: 'command', rules: [] }, OWNER);
      const [claim, changed] = await Promise.all([claiming, world.store.retry(ref, OWNER, order({ agent: 'codex' }))]);
      const { spec, state } = await world.openTask(id);
      const text = await world.textOf(id);
      expect([spec.agent, text.includes('mind the gap')]).toEqual(
        isRefusal(changed) ? ['claude', false] : ['codex', true],
      );
      expect(state).toBe(isRefusal(claim) ? 'queued' : 'claimed');
      if (!isRefusal(claim)) expect(Buffer.from(claim.bytes).toString()).toBe(text);
    }
  });

  story(make, 'a change outlives a restart, and so do the tries', async (world, skip) => {
    const ref = await inBackoff(world);
    accepted(
      await world.store.retry(
        ref,
        OWNER,
        order(
          { agent: 'codex' },
          {
            amend: async () => ({ keys: new Map([['agent', 'codex']]), fresh: true }),
          },
        ),
      ),
    );
    const before = await world.openTask('build');
    if (!world.under.restart) skip('nothing is kept');
    world.store = (await world.under.restart?.()) ?? world.store;
    await world.under.project('shop');
    expect(await world.openTask('build')).toEqual(before);
    expect(before).toMatchObject({
      apart_from: 1,
      tries: [{ attempt: 1, ended: 'again', agent: 'worker', error_class: 'crash', spent: true }],
    });
    expect(await world.textOf('build')).toContain('agent: codex');
  });
}
