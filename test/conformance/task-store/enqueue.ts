import { expect } from 'vitest';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { accepted, codeOf, type MakeStore, OWNER, story } from './world.ts';

export function enqueueStories(make: MakeStore): void {
  story(make, 'an accepted task is queued and keeps the text that was given', async (world) => {
    const given = world.task('fix-login', { title: 'Fix the login', priority: 'high', body: 'Mend the redirect.' });
    const answers = await world.store.enqueue([given], OWNER);
    expect(answers).toEqual([{ ref: world.ref('fix-login'), state: 'queued', created: true }]);
    expect(await world.openTask('fix-login')).toMatchObject({
      title: 'Fix the login',
      attempt: 0,
      spent: 0,
      enqueued_by: 'a story',
    });
    expect(await world.textOf('fix-login')).toBe(Buffer.from(given.bytes).toString());
  });

  story(make, 'a batch is answered in order, a refusal among acceptances', async (world) => {
    await world.enqueue('taken');
    const batch = ['first', 'taken', 'last'].map((id) => world.task(id));
    const answers = await world.store.enqueue(batch, OWNER);
    expect(answers.map((one) => (isRefusal(one) ? one.code : one.ref.id))).toEqual(['first', 'id_taken', 'last']);
    expect([...world.store.open().values()].map(({ id }) => id).sort()).toEqual(['first', 'last', 'taken']);
  });

  story(make, 'an id is made from the title, and another one where that is taken', async (world) => {
    const tasks = [1, 2, 3].map(() => world.task(undefined, { title: 'Fix the login redirect' }));
    const ids = (await world.store.enqueue(tasks, OWNER)).map((one) => accepted(one).ref.id);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^fix-the-login-redirect/);
  });

  story(make, 'the id of a finished task stays taken', async (world) => {
    await world.enqueue('report');
    await world.finish('report');
    const [answer] = await world.store.enqueue([world.task('report')], OWNER);
    expect(codeOf(answer)).toBe('id_taken');
    expect(await world.stateOf('report')).toBe('done');
  });

  story(make, 'the same idempotency key is the same task, in a later call and within one', async (world) => {
    const keyed = (id: string) => world.task(id, { idempotency_key: 'order-7' });
    const [first] = (await world.store.enqueue([keyed('a')], OWNER)).map(accepted);
    const again = (await world.store.enqueue([keyed('b'), keyed('c')], OWNER)).map(accepted);
    expect(first?.created).toBe(true);
    expect(again).toEqual([
      { ref: first?.ref, state: 'queued', created: false },
      { ref: first?.ref, state: 'queued', created: false },
    ]);
    expect(world.store.open().size).toBe(1);
  });

  story(make, 'an idempotency key still names its task when that has ended', async (world) => {
    await world.enqueue('a', { idempotency_key: 'order-7' });
    await world.finish('a');
    const [again] = await world.store.enqueue([world.task('b', { idempotency_key: 'order-7' })], OWNER);
    expect(again).toEqual({ ref: world.ref('a'), state: 'done', created: false });
  });

  story(make, 'two tasks with one new key in one call are one task', async (world) => {
    const batch = ['a', 'b'].map((id) => world.task(id, { idempotency_key: 'order-8' }));
    const answers = (await world.store.enqueue(batch, OWNER)).map(accepted);
    expect(answers.map(({ created }) => created)).toEqual([true, false]);
    expect(answers[1]?.ref).toEqual(answers[0]?.ref);
  });

  story(make, 'two projects may have the same task id, and the same key', async (world) => {
    const blog = await world.under.project('blog');
    const one = await world.enqueue('release', { idempotency_key: 'k' });
    const [other] = await world.store.enqueue([world.task('release', { idempotency_key: 'k' }, blog)], OWNER);
    expect(other).toEqual({ ref: world.ref('release', blog), state: 'queued', created: true });
    await world.finish('release');
    expect((await world.store.get(one))?.state).toBe('done');
    expect((await world.store.get(world.ref('release', blog)))?.state).toBe('queued');
  });

  story(make, 'where a task came from is kept', async (world) => {
    const parent = world.ref('parent');
    await world.store.enqueue([{ ...world.task('child'), parent, depth: 1, source: 'call' }], OWNER);
    expect(await world.openTask('child')).toMatchObject({ parent, depth: 1, source: 'call' });
  });
}
