import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FakeJob, JobService } from '../fakes/job-service.ts';
import { until } from '../support/world.ts';
import { type Client, type Status, shell, World } from './world.ts';

/* A provider answers with a patch: kept beside the result, and applied in a worktree only where the task says so. */

const world = new World();
const answers: ((job: FakeJob, nth: number) => string)[] = [];
let service: JobService;
let client: Client;

beforeAll(async () => {
  const asked = new Map<string, number>();
  service = await JobService.start({
    response: (job) => {
      const [name = ''] = /story-\d+/.exec(job.order.prompt) ?? [];
      const looked =
        asked.get(job.job_id) ??
        [...service.jobs.values()].filter(({ order }) => order.prompt.includes(name)).indexOf(job);
      asked.set(job.job_id, looked);
      return answers[Number(name.slice(6))]?.(job, looked) ?? 'What?';
    },
  });
  world.configure({
    agents: { echo: { command: shell('cat "$1"'), max: 2 } },
    delegation: {
      interval: '200ms',
      default_provider: 'far',
      providers: { far: { kind: 'jobs', base_url: service.url, ai: ['gpu'] } },
    },
  });
  client = await world.connect();
});
afterAll(async () => {
  await world.end();
  await service.close();
});

const git = (folder: string, ...args: string[]) => {
  const who = ['-c', 'user.name=A Person', '-c', 'user.email=person@example.org', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', ['-C', folder, ...who, ...args], { encoding: 'utf8' }).trimEnd();
};

function repository(name: string): string {
  const project = world.project(name);
  git(project, 'init', '-q', '-b', 'main');
  writeFileSync(join(project, 'a.txt'), 'one\ntwo\nthree\n');
  git(project, 'add', '-A');
  git(project, 'commit', '-q', '-m', 'first');
  return project;
}

const patch = (line: string, path = 'a.txt') =>
  `Here:\n\n\`\`\`diff\n--- a/${path}\n+++ b/${path}\n@@ -1,9 +1,3 @@\n one\n-two\n+${line}\n three\n\`\`\`\n`;

function delegated(answer: (job: FakeJob, nth: number) => string): string {
  return `story-${answers.push(answer) - 1}`;
}

const keys = { allow_delegation: true, preferred_ai: 'gpu' };
type Task = Status['tasks'][number] & {
  readonly patch?: { path: string; files: number };
  readonly workspace?: { commits: number };
};

test('a patch lies beside the result, and nothing is applied', async () => {
  const project = repository('beside');
  const { id } = await client.enqueue(
    project,
    delegated(() => patch('zwei')),
    keys,
  );
  const ended: Task = await client.ended(project, id);
  const path = world.queue(project, 'done', `${id}.patch`);
  expect(ended).toMatchObject({ state: 'done', patch: { files: 1, insertions: 1, deletions: 1, path } });
  await until(() => existsSync(world.queue(project, 'done', `${id}.md`)));
  git(project, 'apply', '--check', path);
  expect(world.read(world.queue(project, 'done', `${id}.md`))).toMatch(/^patch_files: 1$/m);
  expect([git(project, 'status', '--porcelain'), git(project, 'branch', '--list', 'yardmaster/*')]).toEqual(['', '']);
});

test('with apply: worktree it is checked there, and the provider hears of what is wrong', async () => {
  const project = repository('applied');
  const body = delegated((_, nth) => (nth === 0 ? patch('zwei') : patch('drei')));
  const more = { apply: 'worktree', verify: `sh -c 'grep drei a.txt || { echo no drei in it; exit 3; }'` };
  const { id } = await client.enqueue(project, body, { ...keys, ...more });
  const ended: Task = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done', attempts: 2, verified: 'passed', workspace: { commits: 1 } });
  const prompts = [...service.jobs.values()].map(({ order }) => order.prompt).filter((text) => text.includes(body));
  expect(prompts).toHaveLength(2);
  expect(prompts[1]).toContain('no drei in it');
  expect(git(project, 'log', '--format=%an %s', `main..yardmaster/${id}`)).toMatch(/^Yardmaster story-\d+$/);
  expect(git(project, 'show', `yardmaster/${id}:a.txt`)).toBe('one\ndrei\nthree');
  expect(git(project, 'status', '--porcelain')).toBe('');
});

test('a patch that would leave the project is never applied, and says why', async () => {
  const project = repository('hostile');
  const more = { apply: 'worktree', verify: 'true' };
  const { id } = await client.enqueue(
    project,
    delegated(() => patch('x', '.git/config')),
    { ...keys, ...more },
  );
  expect(await client.ended(project, id)).toMatchObject({
    ...{ state: 'failed', error_class: 'permission', attempts: 1 },
    reason: expect.stringMatching(/was not applied: "\.git\/config" is git’s own; nothing was changed/),
  });
  await until(() => existsSync(world.queue(project, 'failed', `${id}.md`)));
  expect(world.read(world.queue(project, 'failed', `${id}.md`))).toMatch(/^used_cost: 0\.0123\nused_currency: CAD$/m);
  expect(git(project, 'status', '--porcelain')).toBe('');
});
