import { describe, expect, test } from 'vitest';
import { world } from './checks-world.ts';

const REPOSITORY = 'git init -q -b main && echo a > a.txt && git add . && git commit -q -m one';

async function evidenceOf(work: string, before = REPOSITORY) {
  const { runtime, begun, cwd, sh } = await world();
  sh(before);
  const checks = runtime();
  const order = await begun({ verify: 'true' });
  await checks.before(order.task, order.dir, cwd);
  const head = sh('git rev-parse -q --verify HEAD || true');
  sh(work);
  const checked = await checks.check(order);
  const { verify: _, ...evidence } = (checked.kind === 'done' && checked.outcome.evidence) || {};
  return { evidence, head, now: sh('git rev-parse -q --verify HEAD || true') };
}

describe('what was done is seen', () => {
  test('commits and files, in commits or in none', async () => {
    const { evidence, head, now } = await evidenceOf(
      'echo b > "b c.txt" && git add . && git commit -q -m two && git rm -q a.txt && git commit -q -m three && echo d > d.txt',
    );
    expect(evidence).toEqual({
      head_before: head,
      head_after: now,
      commits: 2,
      files_changed: ['a.txt', 'b c.txt', 'd.txt'],
      files_total: 3,
    });
  });

  test('what was in no commit before and still is the same is not the agent’s', async () => {
    const { evidence } = await evidenceOf(
      'echo more >> changed.txt && rm gone.txt && echo new > new.txt',
      `${REPOSITORY} && echo x > same.txt && echo x > changed.txt && echo x > gone.txt`,
    );
    expect(evidence).toMatchObject({ commits: 0, files_changed: ['changed.txt', 'gone.txt', 'new.txt'] });
  });

  test('in a repository without a commit', async () => {
    const { evidence } = await evidenceOf('echo a > a && git add . && git commit -q -m one', 'git init -q');
    expect(evidence).toMatchObject({ commits: 1, files_changed: ['a'] });
    expect(evidence).not.toHaveProperty('head_before');
  });

  test('a commit that was thrown away is no trouble', async () => {
    const { evidence } = await evidenceOf(
      'git checkout -q --orphan other && git commit -q -m other && git branch -q -D main && git reflog expire --expire=now --all && git gc -q --prune=now',
    );
    expect(evidence).toHaveProperty('head_after');
    expect(evidence).toMatchObject({ files_changed: [] });
  });

  test('the first fifty files, and how many there are', async () => {
    const { evidence } = await evidenceOf('for n in $(seq 100 170); do echo x > $n.txt; done');
    expect(evidence.files_changed).toHaveLength(50);
    expect(evidence.files_total).toBe(71);
  });

  test('outside of git nothing is said', async () => {
    const { runtime, begun, cwd } = await world();
    const checks = runtime();
    const order = await begun({ verify: 'true' });
    await checks.before(order.task, order.dir, cwd);
    const checked = await checks.check(order);
    expect(checked.kind === 'done' && Object.keys(checked.outcome.evidence ?? {})).toEqual(['verify']);
  });

  test('what the check itself leaves behind is not the agent’s', async () => {
    const { runtime, begun, cwd, sh } = await world();
    sh(REPOSITORY);
    const checks = runtime();
    const order = await begun({ verify: 'touch coverage.txt' });
    await checks.before(order.task, order.dir, cwd);
    const checked = await checks.check(order);
    expect(checked).toMatchObject({ kind: 'done', outcome: { evidence: { files_changed: [], files_total: 0 } } });
  });
});
