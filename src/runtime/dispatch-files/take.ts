import { join } from 'node:path';
import { readSame } from '../inbox/read-same.ts';
import type { Project } from '../model/event.ts';
import { isRefusal, type Refusal, type RefusalCode } from '../model/refusal.ts';
import type { NewTask } from '../ports.ts';
import type { DispatchContext } from './context.ts';
import { readDocument } from './document.ts';
import { readJson } from './json.ts';
import { type Known, KnownIds } from './known.ts';
import type { IntakeFolder } from './places.ts';
import type { Arrival } from './put-away.ts';
import { refuseSignature } from './signature.ts';
import { newTask, type Wanted, wantedBy } from './task-of.ts';
import { type Unfit, unfit } from './unfit.ts';

/** What becomes of one file. */
export type Verdict =
  /** Its task is durable, now or since an earlier time. */
  | { readonly kind: 'taken'; readonly arrival: Arrival; readonly bytes: Uint8Array; readonly task?: NewTask }
  | { readonly kind: 'unfit'; readonly arrival: Arrival; readonly why: Unfit }
  /** Not the file's fault: it stays and is tried again. `all`: so would any other. */
  | { readonly kind: 'deferred'; readonly arrival: Arrival; readonly reason: string; readonly all: boolean }
  | { readonly kind: 'again' | 'gone'; readonly arrival: Arrival };

type Ready = {
  readonly kind: 'ready';
  readonly arrival: Arrival;
  readonly bytes: Uint8Array;
  readonly wanted: Wanted;
  readonly project: Project;
  readonly task: NewTask;
};

/**
 * Reads the files and stores those that are sound, all in one commit; a verdict for each, in order.
 *
 * T1. Nothing is done to the file itself here: whoever acts on a verdict finds the task durable.
 * T2. Files become tasks in the order in which they are given.
 */
export async function take(
  context: DispatchContext,
  { folder, own }: { folder: IntakeFolder; own: IntakeFolder },
  arrivals: readonly Arrival[],
): Promise<Verdict[]> {
  const batch = new Batch(context, folder, own);
  const read = await Promise.all(arrivals.map((arrival) => batch.read(arrival)));
  const judged: (Verdict | Ready)[] = [];
  for (const one of read) judged.push(one.kind === 'read' ? await batch.judge(one) : one);
  const ready = judged.filter((one): one is Ready => one.kind === 'ready');
  if (ready.length === 0) return judged as Verdict[];
  const answers = await context.admit(
    ready.map(({ task }) => task),
    { by: 'drop' },
  );
  const byName = new Map(ready.map(({ arrival }, n) => [arrival.name, isRefusal(answers) ? answers : answers[n]]));
  return judged.map((one) => (one.kind === 'ready' ? answered(one, byName.get(one.arrival.name)) : one));
}

type Read = { readonly kind: 'read'; readonly arrival: Arrival; readonly bytes: Uint8Array; readonly wanted: Wanted };

class Batch {
  readonly #context: DispatchContext;
  readonly #folder: IntakeFolder;
  readonly #known: KnownIds;
  readonly #ids = new Set<string>();
  readonly #projects = new Map<string, Promise<Project | Refusal>>();

  constructor(context: DispatchContext, folder: IntakeFolder, own: IntakeFolder) {
    this.#context = context;
    this.#folder = folder;
    this.#known = new KnownIds(context, own);
  }

  async read(arrival: Arrival): Promise<Verdict | Read> {
    const { files, config } = this.#context;
    const path = join(this.#folder.dir, arrival.name);
    let bytes: Uint8Array | 'gone' | 'changed';
    try {
      bytes = await readSame(files, path, arrival.stat, config.limits.max_task_bytes);
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      return { kind: 'deferred', arrival, reason: `it can't be read: ${error.message}`, all: false };
    }
    if (typeof bytes === 'string') return { kind: bytes === 'gone' ? 'gone' : 'again', arrival };
    const wanted = this.#want(bytes);
    switch (wanted.kind) {
      case 'wanted':
        return { kind: 'read', arrival, bytes, wanted };
      case 'unfit':
        return { kind: 'unfit', arrival, why: wanted };
      case 'unset':
        return { kind: 'deferred', arrival, reason: UNSET, all: true };
    }
  }

  #want(bytes: Uint8Array): Wanted | Unfit | { readonly kind: 'unset' } {
    const { config, rules, signatureIgnored } = this.#context;
    const key = this.#context.key();
    const json = readJson(bytes);
    if (json.kind === 'unfit') return json;
    if (key === 'unset') return { kind: 'unset' };
    if (!key && json.object.source_signature) signatureIgnored();
    const forged = key && refuseSignature(json.object, key.secret);
    if (forged) return forged;
    const read = readDocument(json.object);
    return read.kind === 'unfit' ? read : wantedBy(read, bytes, config, rules());
  }

  /** One after the other: the next file may name the project that this one made known. */
  async judge({ arrival, bytes, wanted }: Read): Promise<Verdict | Ready> {
    const { document } = wanted;
    if (this.#ids.has(document.id)) return { kind: 'again', arrival }; // once the other is a task
    this.#ids.add(document.id);
    const project = await this.#project(document.project_dir);
    if (isRefusal(project)) return refused(arrival, project, 'project_dir');
    const known = await this.#known.find(wanted, { name: arrival.name, bytes, folder: this.#folder }, project);
    if (known) return alreadyThere(arrival, bytes, known);
    const task = newTask(wanted, project, this.#folder.own ? undefined : this.#folder.dir);
    const route = this.#context.route(task);
    if (route.to === 'refuse') return { kind: 'unfit', arrival, why: unfit(route.reason, 'Leave one of them out.') };
    return { kind: 'ready', arrival, bytes, wanted, project, task };
  }

  #project(path: string): Promise<Project | Refusal> {
    const asked = this.#projects.get(path) ?? this.#context.resolve(path, { adopt: true, cause: { by: 'drop' } });
    this.#projects.set(path, asked);
    return asked;
  }
}

function alreadyThere(arrival: Arrival, bytes: Uint8Array, known: Known): Verdict {
  if (known.kind === 'same') return { kind: 'taken', arrival, bytes };
  const { task, project, state, report } = known.existing;
  const reason = `id: ${task} is a task of ${project || 'an earlier time'} already, and is ${state}`;
  const look = report === undefined ? `Look at it: yardmaster show ${task}.` : `Its report is ${report}.`;
  const why = unfit(reason, `${look} To have this file's task done, give it another id.`, 'id');
  return { kind: 'unfit', arrival, why: { ...why, existing: known.existing } };
}

const UNSET = 'the variable that intake_key_env names is not set, so no signature can be checked';
const LATER: ReadonlySet<RefusalCode> = new Set(['full', 'busy', 'unavailable', 'read_only', 'stale']);
const NOTHING_GOES: ReadonlySet<RefusalCode> = new Set(['full', 'busy']);

function answered({ arrival, bytes, task }: Ready, answer: { created: boolean } | Refusal | undefined): Verdict {
  if (answer === undefined) throw new Error(`the store gave no answer for ${arrival.name}`);
  if (!isRefusal(answer)) return { kind: 'taken', arrival, bytes, task };
  return refused(arrival, answer, answer.code === 'id_taken' ? 'id' : undefined); // a file of another kind has its name
}

function refused(arrival: Arrival, { code, message, hint, only_project }: Refusal, field?: string): Verdict {
  const all = NOTHING_GOES.has(code) && !only_project;
  if (LATER.has(code)) return { kind: 'deferred', arrival, reason: message, all };
  const named = field ?? /^(\w+): /.exec(message)?.[1];
  return { kind: 'unfit', arrival, why: unfit(message.replace(/^project: /, 'project_dir: '), hint, named) };
}
