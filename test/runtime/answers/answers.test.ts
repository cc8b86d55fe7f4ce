import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FILE, newFile, patchTo, saying, World } from './world.ts';

vi.setConfig({ testTimeout: 120_000 });

let world: World;
beforeEach(async () => {
  world = await new World().begin();
});
afterEach(() => world.end());

const untouched = () => {
  expect(world.git('status', '--porcelain', '--ignored')).toBe('');
  expect(world.git('rev-parse', 'HEAD')).toBe(world.git('rev-parse', 'main'));
};

describe('an answer', () => {
  it('with a patch says how big it is, and nothing is applied', async () => {
    const at = await world.task('a', { apply: undefined });
    const judged = await world.judge(at, saying(patchTo('zwei')));
    expect(judged).toMatchObject({
      kind: 'done',
      outcome: { patch: { files: 1, insertions: 1, deletions: 1 }, verified: 'unverified' },
    });
    expect(world.has(world.path('a'))).toBe(false);
    untouched();
  });

  it('without one is just a result; nothing of `verify` runs where nothing is applied', async () => {
    const at = await world.task('a', { apply: undefined, verify: 'touch ran' });
    const judged = await world.judge(at, 'No changes.');
    expect(judged).toMatchObject({ kind: 'done', outcome: { result: 'No changes.', verified: 'unverified' } });
    expect(judged).not.toHaveProperty('outcome.patch');
  });

  it('is compared with result_schema, and what it took is told when it is refused', async () => {
    const spec = { apply: undefined, result_schema: { type: 'object', required: ['n'] } };
    const good = await world.judge(await world.task('a', spec), '```json\n{"n": 1}\n```');
    expect(good).toMatchObject({ kind: 'done', outcome: { structured: { n: 1 } } });
    const bad = await world.judge(await world.task('b', spec), '{}', { model: 'm', cost_cad: 0.5, tokens: 7 });
    expect(bad).toMatchObject({
      kind: 'failed',
      failure: {
        ...{ class: 'verify', answer: '{}', provider: 'far', job_id: 'job-1' },
        used: { model: 'm', tokens: 7, cost: { amount: 0.5, currency: 'CAD' } },
      },
    });
  });

  it('is kept before anything is made of it', async () => {
    const at = await world.task('a');
    world.unavailable = 'git: not found';
    await expect(world.judge(at, saying(patchTo('zwei')))).rejects.toThrow(/can't be applied now.*git: not found/);
    expect(await world.answers.kept(at.lease)).toMatchObject({ state: 'done', job_id: 'job-1', provider: 'far' });
    world.unavailable = undefined;
    await world.restart();
    expect(await world.judge(at, saying(patchTo('zwei')))).toMatchObject({ kind: 'done' });
    expect(await world.answers.kept({ ...at.lease, attempt: 9 })).toBeUndefined();
  });
});

describe('apply: worktree', () => {
  it('makes one commit on the task’s branch; the checkout is as it was', async () => {
    const at = await world.task('a', { verify: `grep zwei src/a.txt` });
    const judged = await world.judge(at, saying(patchTo('zwei') + newFile('new/run.sh', 'true', '100755')));
    expect(judged).toMatchObject({
      kind: 'done',
      outcome: {
        verified: 'passed',
        patch: { files: 2, insertions: 2, deletions: 1 },
        workspace: { branch: 'yardmaster/a', base: 'main', commits: 1, files_changed: 2 },
        evidence: { commits: 1, files_changed: ['new/run.sh', 'src/a.txt'], verify: { exit_code: 0 } },
      },
    });
    expect(world.commits('a')).toEqual(['Do a']);
    const log = world.git('log', '-1', '--format=%an%n%cn%n%B', 'yardmaster/a');
    expect(log).toMatch(/^Yardmaster\nYardmaster\nDo a\n\nTask a, attempt 1: the patch in the answer of far\./);
    expect(world.git('show', 'yardmaster/a:src/a.txt')).toBe('one\nzwei\nthree');
    expect(world.git('ls-tree', 'yardmaster/a', 'new/run.sh')).toMatch(/^100755/);
    expect(world.gitIn(world.path('a'), 'status', '--porcelain')).toBe('');
    untouched();
  });

  it('in a project that is a part of its repository, names are below the project', async () => {
    await world.end();
    world = await new World().begin('part');
    const judged = await world.judge(await world.task('a', { verify: 'grep zwei src/a.txt' }), saying(patchTo('zwei')));
    expect(judged).toMatchObject({ kind: 'done', outcome: { verified: 'passed' } });
    expect(world.git('diff', '--name-only', 'main', 'yardmaster/a')).toBe('part/src/a.txt');
  });

  it.each([
    ['no patch', 'I would rather not.', 'the answer holds no patch', {}],
    ['half a patch', `\`\`\`diff\n${patchTo('zwei').slice(0, -8)}`, /can't be read: it ends in the middle/, {}],
    ['a patch that was cut off', saying(patchTo('zwei')), /was cut off/, { truncated: true }],
    ['a patch for other files', saying(patchTo('zwei', 'src/b.txt')), 'the patch does not apply', {}],
    ['a patch for other lines', saying(patchTo('zwei').replace(' one', ' eins')), 'the patch does not apply', {}],
  ])('%s goes back, with what is wrong', async (_, answer, reason, more) => {
    const at = await world.task('a', { verify: 'true' });
    const judged = await world.judge(at, answer, more);
    const says = typeof reason === 'string' ? reason : expect.stringMatching(reason);
    expect(judged).toMatchObject({ kind: 'failed', failure: { class: 'verify', reason: says, answer } });
    await world.back(at.lease);
    const next = await world.task('a');
    expect(await world.checks.complaint(next.task)).toMatch(reason);
    expect(await world.checks.complaint(next.task)).toContain('one fenced diff block');
    untouched();
  });

  it('git’s own words are in the complaint', async () => {
    const at = await world.task('a');
    await world.judge(at, saying(patchTo('zwei').replace(' one', ' eins')));
    await world.back(at.lease);
    expect(await world.checks.complaint((await world.task('a')).task)).toMatch(/patch failed: src\/a\.txt:1/);
  });

  it('each answer is for the files as they were given: what the check refused is taken back', async () => {
    const spec = { verify: 'grep drei src/a.txt' };
    const first = await world.task('a', spec);
    expect(await world.judge(first, saying(patchTo('zwei')))).toMatchObject({
      kind: 'failed',
      failure: { class: 'verify', evidence: { commits: 1 } },
    });
    expect(world.read(join(world.path('a'), 'src/a.txt'))).toBe(FILE);
    await world.back(first.lease);
    const second = await world.task('a', spec);
    expect(await world.judge(second, saying(patchTo('drei')))).toMatchObject({ kind: 'done' });
    expect(world.commits('a')).toEqual(['Do a']);
    expect(world.git('show', 'yardmaster/a:src/a.txt')).toBe('one\ndrei\nthree');
  });

  it('what is refused for good stays on its branch for a person to look at', async () => {
    const at = await world.task('a', { verify: 'false', verify_retries: 0 });
    expect(await world.judge(at, saying(patchTo('zwei')))).toMatchObject({
      kind: 'failed',
      failure: { class: 'verify', workspace: { branch: 'yardmaster/a', commits: 1 } },
    });
    expect(world.commits('a')).toEqual(['Do a']);
  });

  it('what somebody has committed in its worktree is built on; what is in no commit is set aside', async () => {
    const first = await world.task('a', { verify: 'grep drei src/a.txt' });
    await world.judge(first, saying(patchTo('zwei')));
    await world.back(first.lease);
    world.write('by-hand.txt', 'mine', world.path('a'));
    world.commit('by hand', world.path('a'));
    world.write('src/a.txt', 'changed and not committed\n', world.path('a'));
    world.write('new.txt', 'untracked', world.path('a'));
    const second = await world.task('a');
    const answer = saying(patchTo('drei') + newFile('new.txt', 'theirs'));
    expect(await world.judge(second, answer)).toMatchObject({ kind: 'done' });
    expect(world.commits('a')).toEqual(['Do a', 'by hand']);
    const aside = world
      .git('for-each-ref', '--format=%(objectname) %(objecttype)', 'refs/yardmaster/aside')
      .split('\n');
    const texts = aside.map((line) => {
      const [oid = '', type] = line.split(' ');
      return world.git('show', type === 'blob' ? oid : `${oid}:src/a.txt`);
    });
    expect(texts.sort()).toEqual(['changed and not committed', 'untracked']);
  });

  it('a branch that is not ours is never moved', async () => {
    const first = await world.task('a');
    await world.worktrees.open(first.task);
    world.gitIn(world.path('a'), 'switch', '-q', '-c', 'mine');
    const judged = await world.judge(first, saying(patchTo('zwei')));
    expect(judged).toMatchObject({ failure: { class: 'invalid', reason: expect.stringMatching(/branch mine/) } });
    expect(world.git('rev-parse', 'mine')).toBe(world.git('rev-parse', 'main'));
  });

  it('a folder or a link in the way stays as it is', async () => {
    const first = await world.task('a');
    await world.worktrees.open(first.task);
    world.write('new/kept.txt', 'kept', world.path('a'));
    const judged = await world.judge(first, saying(newFile('new', 'a file')));
    expect(judged).toMatchObject({ failure: { class: 'invalid', reason: expect.stringMatching(/left as it is/) } });
    expect(world.read(join(world.path('a'), 'new/kept.txt'))).toBe('kept');
  });

  it('the environment of verify is the plain one: no secrets, no token of an attempt', async () => {
    const verify = `sh -c 'test -z "$SECRET" && test -z "$YARDMASTER_ATTEMPT_TOKEN" && test "$YARDMASTER_TASK" = a'`;
    expect(await world.judge(await world.task('a', { verify }), saying(patchTo('zwei')))).toMatchObject({
      kind: 'done',
      outcome: { verified: 'passed' },
    });
  });

  it('a stop ends its check, and settles when nothing of it runs', async () => {
    const at = await world.task('a', { verify: `sh -c 'touch began; sleep 600'` });
    const judged = world.judge(at, saying(patchTo('zwei')));
    await vi.waitFor(() => expect(world.has(join(world.path('a'), 'began'))).toBe(true), { timeout: 60_000 });
    await world.answers.stop(at.lease);
    expect(await judged).toEqual({ kind: 'stopped' });
  });
});

describe('a hostile patch', () => {
  const PROGRAM = (name: string) => `sh -c 'touch ${join(world.root, name)}; cat'`;

  it.each([
    ['out of the project', newFile('../out.txt', 'x')],
    ['to an absolute path', newFile('/tmp/ym-out.txt', 'x').replace('b//tmp', '/tmp')],
    ['into .git', newFile('.git/hooks/pre-commit', 'touch owned', '100755')],
    ['into .git in another spelling', newFile('.GIT/hooks/pre-commit', 'touch owned', '100755')],
    ['into the queue', newFile('.agent-queue/inbox/more.md', 'do more')],
    ['of a link', newFile('link', '/etc/passwd', '120000')],
    ['of a submodule', newFile('sub', 'Subproject commit 1', '160000')],
    ['of attributes', newFile('.gitattributes', '* filter=evil')],
    ['of modules', newFile('.gitmodules', '[submodule "x"]')],
    ['of a binary file', 'diff --git a/x b/x\nnew file mode 100644\nGIT binary patch\nliteral 1\nIcmZ\n'],
  ])('%s changes nothing, and is final', async (_, diff) => {
    const at = await world.task('a', { verify: 'true' });
    const judged = await world.judge(at, saying(patchTo('zwei') + diff));
    expect(judged).toMatchObject({
      kind: 'failed',
      failure: {
        class: 'permission',
        final: true,
        reason: expect.stringMatching(/^the patch in the answer was not applied: /),
      },
    });
    expect(world.commits('a')).toEqual([]);
    untouched();
  });

  it('that meets a link of the repository does not turn it somewhere else, nor write through it', async () => {
    world.git('config', 'core.symlinks', 'true');
    const { symlinkSync } = await import('node:fs');
    symlinkSync('src/a.txt', join(world.top, 'link'));
    symlinkSync(world.root, join(world.top, 'way-out'));
    world.commit('links');
    const turned =
      '--- a/link\n+++ b/link\n@@ -1 +1 @@\n-src/a.txt\n\\ No newline at end of file\n+/etc/passwd\n\\ No newline at end of file\n';
    expect(await world.judge(await world.task('a'), saying(turned))).toMatchObject({
      failure: { class: 'permission', reason: expect.stringMatching(/symbolic link/) },
    });
    const through = await world.judge(await world.task('b'), saying(newFile('way-out/owned.txt', 'x')));
    expect(through).toMatchObject({ kind: 'failed' });
    expect(world.has(join(world.root, 'owned.txt'))).toBe(false);
  });

  it('runs no filter, hook, monitor or driver of the repository', async () => {
    for (const hook of ['pre-commit', 'post-checkout', 'post-commit', 'reference-transaction', 'post-index-change']) {
      world.write(`.git/hooks/${hook}`, `#!/bin/sh\ntouch ${join(world.root, `hook-${hook}`)}\n`);
      world.git('config', '--local', 'core.fileMode', 'true');
      (await import('node:fs')).chmodSync(join(world.top, '.git/hooks', hook), 0o755);
    }
    world.git('config', 'core.fsmonitor', PROGRAM('fsmonitor'));
    world.git('config', 'diff.external', PROGRAM('external'));
    for (const kind of ['clean', 'smudge']) world.git('config', `filter.evil.${kind}`, PROGRAM(kind));
    world.git('config', 'filter.evil.process', PROGRAM('process'));
    world.write('.gitattributes', '*.secret filter=evil\n');
    const who = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false'];
    world.git(...who, 'add', '-A');
    world.git(...who, 'commit', '-q', '-m', 'attributes');
    expect(await world.judge(await world.task('a'), saying(newFile('x.secret', 'x')))).toMatchObject({
      failure: { class: 'permission', reason: expect.stringMatching(/filter evil of the repository/) },
    });
    expect(await world.judge(await world.task('b'), saying(patchTo('zwei')))).toMatchObject({ kind: 'done' });
    const { readdirSync } = await import('node:fs');
    expect(readdirSync(world.root).sort()).toEqual(['home', 'shop']);
  });
});
