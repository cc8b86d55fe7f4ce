import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Site } from './site.ts';
import type { Stage, Step } from './steps.ts';

/* The steps by which the runtime changes something that outlives it. */

const LATER = 'not_before: 2099-01-01T00:00:00Z';

export const enqueue: Step = {
  go: (stage, nth) => call(stage, `call-${nth}`, 'work'),
  done: ({ site }, nth) => existsSync(site.queue('alpha', 'inbox', `call-${nth}.md`)),
  finish: cancelAll,
};

export const intake: Step = {
  go: ({ site }, nth) => drop(site, `drop-${nth}`, `---\n${LATER}\n---\nwork`, true),
  done: ({ site }, nth) => isJournalled(site, `drop-${nth}`),
  finish: cancelAll,
};

export const rejection: Step = {
  go: ({ site }, nth) => drop(site, `broken-${nth}`, `---\npriority: urgent-ish\n---\nwork ${nth}`, false),
  done: ({ site }, nth) =>
    existsSync(site.queue('alpha', 'failed', `broken-${nth}.md`)) &&
    !existsSync(site.queue('alpha', 'inbox', `broken-${nth}.md`)),
};

/** A checkout has room for one task: the end of each lets the next one begin. */
export const finishAndClaim: Step = {
  begin: (stage) => gated(stage, 1),
  async ready(stage, nth) {
    await gated(stage, nth + 1);
    while (!hasBegun(stage, nth)) await isKnown(stage, `run-${nth}`);
  },
  go: async ({ site }, nth) => site.ledger.openGate(`run-${nth}`),
  done: (stage, nth) => existsSync(stage.site.queue('beta', 'done', `run-${nth}.md`)) && hasBegun(stage, nth + 1),
  async finish({ site }) {
    for (const { task } of site.ledger.agents()) site.ledger.openGate(task);
  },
};

/** Every task fills a segment of the journal; with the next one comes a snapshot. */
export function snapshot(): Step {
  let before = '';
  return {
    options: { config: { journal: { segment_bytes: 4_096 } } },
    async ready({ site }) {
      before = signs(site);
    },
    go: (stage, nth) => call(stage, `big-${nth}`, 'x'.repeat(5_000)),
    done: ({ site }, nth) => existsSync(site.queue('alpha', 'inbox', `big-${nth}.md`)) && signs(site) !== before,
    finish: cancelAll,
  };
}

/** A runtime that came after a kill looks at its snapshot only when the next segment is full: then the step is over. */
function signs(site: Site): string {
  const path = join(site.home, 'snapshot.json');
  return `${existsSync(path) ? statSync(path).ino : 'none'} of ${site.pid()}`;
}

export const cancel: Step = {
  async ready(stage, nth) {
    await gated(stage, nth);
    while (!hasBegun(stage, nth)) await isKnown(stage, `run-${nth}`);
  },
  go: (stage, nth) => cancelled(stage, { project: 'beta', id: `run-${nth}` }),
  done: ({ site }, nth) => existsSync(site.queue('beta', 'failed', `run-${nth}.md`)),
};

async function call({ site, talk }: Stage, title: string, body: string): Promise<void> {
  const { id } = await talk.ask('enqueue_task', { project: 'alpha', title, body, not_before: LATER.slice(12) });
  site.ledger.note({ did: 'enqueue', project: 'alpha', id: String(id), title });
}

async function gated({ site, talk }: Stage, nth: number): Promise<void> {
  const title = `run-${nth}`;
  await talk.ask('enqueue_task', { project: 'beta', id: title, title, body: 'pause=0; until=1; gated;' });
  site.ledger.note({ did: 'enqueue', project: 'beta', id: title, title });
}

async function drop(site: Site, id: string, text: string, valid: boolean): Promise<void> {
  const elsewhere = join(site.root, 'drops', id);
  writeFileSync(elsewhere, text);
  renameSync(elsewhere, site.queue('alpha', 'inbox', `${id}.md`));
  site.ledger.note({ did: 'drop', project: 'alpha', id, text, valid });
}

async function isKnown({ talk }: Stage, id: string): Promise<boolean> {
  const { tasks } = await talk.ask('job_status', { ids: [id] });
  return Array.isArray(tasks) && tasks.length > 0;
}

function isJournalled(site: Site, id: string): boolean {
  const dir = join(site.home, 'journal');
  return readdirSync(dir).some((name) => readFileSync(join(dir, name), 'utf8').includes(`"${id}"`));
}

function hasBegun({ site }: Stage, nth: number): boolean {
  return site.ledger.agents().some(({ task }) => task === `run-${nth}`);
}

async function cancelAll(stage: Stage): Promise<void> {
  for (const deed of stage.site.ledger.deeds())
    if (deed.did === 'enqueue' || deed.did === 'drop') await cancelled(stage, deed);
}

async function cancelled({ site, talk }: Stage, { project, id }: { project: string; id: string }): Promise<void> {
  site.ledger.note({ did: 'ask to cancel', project, id });
  const { state } = await talk.ask('cancel_task', { project, id });
  site.ledger.note({ did: 'cancel', project, id, state: String(state) });
}
