import { existsSync, readFileSync } from 'node:fs';
import { until } from '../../support/world.ts';
import { allTasks } from '../checker.ts';
import type { Talk } from '../client.ts';
import { SEATS, type SessionSite } from './site.ts';
import type { Work } from './work.ts';

/** What is wrong when everything has ended, or nothing: told from tasks, files, the agents' own ledger and the process table. */
export async function check(site: SessionSite, work: Work, talk: Talk): Promise<string[]> {
  const tasks = new Map((await allTasks(talk)).map((task) => [`${task.project}/${task.id}`, task]));
  await until(() => site.strays().length === 0, 10_000).catch(() => undefined); // what has just ended
  const agents = site.agents();
  return [
    ...work.given.flatMap((given) => {
      const state = tasks.get(`${given.project}/${given.id}`)?.state ?? 'lost';
      return state === 'done' ? [] : [`${given.title} is ${state}`];
    }),
    ...(tasks.size === work.given.length ? [] : [`${work.given.length} tasks were given and ${tasks.size} are there`]),
    ...eachOnce(work),
    ...results(site, work),
    ...site.strays().map((stray) => `left over: ${stray}`),
    ...(site.working().length > 0 ? [`agents work on nothing: ${site.working().join(', ')}`] : []),
    ...(agents.length > SEATS ? [`${agents.length} agents are there and ${SEATS} have a place`] : []),
    ...(site.servers().length === 1 ? [] : [`${site.servers().length} servers of tmux are there`]),
  ];
}

/** In its order, each once, by no two agents at a time. */
function eachOnce(work: Work): string[] {
  const did = work.did();
  const known = new Set(work.given.flatMap(({ deeds }) => deeds));
  return [
    ...did.filter((deed) => !known.has(deed)).map((deed) => `nobody asked for: ${deed}`),
    ...work.given.flatMap(({ title, deeds }) => {
      const its = did.filter((deed) => deeds.includes(deed));
      return its.join() === deeds.join() ? [] : [`${title} was done as ${its.join(', ') || 'nothing'}`];
    }),
  ];
}

function results(site: SessionSite, work: Work): string[] {
  return work.given.flatMap(({ project, id, title }) => {
    const path = site.queue(project, 'done', `${id}.md`);
    if (!existsSync(path)) return [`${title} has no file in done/`];
    return readFileSync(path, 'utf8').includes(`result of ${title}`) ? [] : [`done/${id}.md is without its result`];
  });
}
