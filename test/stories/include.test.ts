import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FakeJob, JobService } from '../fakes/job-service.ts';
import { until } from '../support/world.ts';
import { type Client, World } from './world.ts';

const world = new World();
let service: JobService;
let client: Client;

beforeAll(async () => {
  service = await JobService.start();
  world.configure({
    delegation: {
      interval: '200ms',
      default_provider: 'far',
      providers: { far: { kind: 'jobs', base_url: service.url, idempotent_submit: true } },
    },
    retry: { backoff: '100ms', backoff_max: '200ms' },
  });
  client = await world.connect();
});
afterAll(async () => {
  await world.end();
  await service.close();
});

const AWAY = { preferred_ai: 'far', allow_delegation: true };

/** A git project with these files. */
function repository(name: string, files: Readonly<Record<string, string>>): string {
  const project = world.project(name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  }
  execFileSync('git', ['init', '-q'], { cwd: project });
  return project;
}

const jobOf = (word: string): FakeJob | undefined =>
  [...service.jobs.values()].find(({ order }) => order.prompt.includes(word));

test('the files that a task includes arrive at the service; ignored ones do not', async () => {
  const project = repository('shop', {
    '.gitignore': 'dist/\n',
    'src/login.ts': 'go("/404");\n',
    'src/fence.md': 'a ``` b\n',
    'src/old/gone.ts': 'LEFT OUT\n',
    'dist/login.js': 'IGNORED\n',
  });
  const sent = await client.enqueue(project, 'Why is it 404?', { ...AWAY, include: ['src', '!src/old'] });
  expect(await client.ended(project, sent.id)).toMatchObject({ state: 'done' });
  const prompt = jobOf('Why is it 404?')?.order.prompt ?? '';
  expect(prompt).toContain('File: src/login.ts\n```\ngo("/404");\n```\n');
  expect(prompt).toContain('File: src/fence.md\n````\na ``` b\n````\n');
  expect(prompt).not.toMatch(/LEFT OUT|IGNORED/);
  expect(prompt.trimEnd()).toMatch(/you see nothing but this text\.$/);
});

test('a secret refuses the task, and the service hears nothing of it', async () => {
  const key = ['ghp', 'aB3dE5gH7jK9mN2pQ4sT6vW8xYzA1cD3eF5g'].join('_');
  const project = repository('careless', { 'src/a.ts': 'a\n', 'src/deploy.sh': `#!/bin/sh\ncurl -H "${key}"\n` });
  const before = service.requests.length;
  const { id } = await client.enqueue(project, 'What is this?', { ...AWAY, include: ['src/**'] });
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({
    state: 'failed',
    error_class: 'permission',
    reason: expect.stringContaining('src/deploy.sh:2'),
  });
  await until(() => world.listed(project, 'failed').includes(`${id}.md`));
  const file = world.read(world.queue(project, 'failed', `${id}.md`));
  expect(file).toMatch(/github-token[\s\S]*!src\/deploy\.sh/);
  expect(file).not.toContain(key);
  expect(service.requests.slice(before)).toEqual([]);
});

test('a request that is repeated after a kill says the same, byte for byte', async () => {
  const project = repository('twice', { 'src/a.ts': 'the first text\n' });
  service.fault('submit', { kind: 'stall' });
  const sent = await client.enqueue(project, 'say it twice', { ...AWAY, include: ['src'] });
  const runs = join(world.home, 'runs');
  const prompt = () => {
    const found = readdirSync(runs, { recursive: true, encoding: 'utf8' }).find((path) =>
      path.endsWith(`${sent.id}/1/prompt.md`),
    );
    return found === undefined ? undefined : world.read(runs, found);
  };
  await until(() => service.in_flight > 0);
  const first = prompt();
  await world.endRuntime('SIGKILL');
  writeFileSync(join(project, 'src/a.ts'), 'another text\n');
  writeFileSync(join(project, 'src/.env'), 'A=1\n');
  expect(await client.ended(project, sent.id)).toMatchObject({ state: 'done', attempts: 1 });
  expect(first).toContain('the first text');
  expect(jobOf('say it twice')?.order.prompt).toBe(first);
});
