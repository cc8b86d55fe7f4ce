import { join } from 'node:path';
import type { Lease, LiveTask } from '../model/task.ts';
import type { Patch } from '../policy/patch/change.ts';
import type { Clock, Files, Git } from '../ports.ts';
import { runDirOf } from '../runs/order.ts';
import { OURS } from '../worktrees/branch-name.ts';
import { GitCalls } from '../worktrees/calls.ts';
import { type ApplyRecord, answerFiles, durably, type RecordFiles, readApply, writeApply } from './records.ts';
import { type Made, makeCommit, must } from './tree.ts';

/*
 * The patch of an attempt as a commit on its task's branch.
 *
 * A1. Where the branch was and where it goes is on record, synced, before anything in the worktree changes. Who finds the
 *     record makes the same of it: one commit, on the same base.
 * A2. Each answer is applied to what its provider was given. What an earlier answer has left gives way; what somebody else
 *     has committed stays, and is built on.
 * A3. What is in no commit and not ours is kept before it gives way: as a commit below refs/yardmaster/aside/.
 * A4. Only a branch of ours is ever moved.
 */

const LOOK_BACK = 20; // attempts

export interface ApplyPorts {
  readonly home: string;
  readonly files: RecordFiles & Pick<Files, 'stat'>;
  readonly git: Git;
  readonly clock: Clock;
  /** Processes that work in a folder. */
  readonly workingIn: (dir: string) => Promise<readonly number[]>;
  readonly say: (level: 'info' | 'warn', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export interface Application {
  readonly task: LiveTask;
  readonly lease: Lease;
  readonly provider: string;
  readonly dir: string;
  readonly cwd: string;
  readonly patch: Patch;
  /** Right before the commit comes into the worktree, which then is as it was before. */
  readonly before: () => Promise<void>;
}

export type Applied = { readonly kind: 'applied' } | Exclude<Made, { kind: 'commit' }> | Unfit;
type Unfit = { readonly kind: 'unfit'; readonly reason: string };

/** Throws `GitNotNow` where git can't work now: then nothing is lost, and it is made again. */
export async function applyPatch(ports: ApplyPorts, application: Application): Promise<Applied> {
  try {
    return await applied(ports, application);
  } catch (problem) {
    if (problem instanceof InTheWay) return { kind: 'unfit', reason: problem.message };
    throw problem;
  }
}

async function applied(ports: ApplyPorts, application: Application): Promise<Applied> {
  const place = await placeOf(ports, application);
  if ('kind' in place) return place;
  const record = await recordOf(ports, application, place); // A1
  if ('kind' in record) return record;
  if (record.commit !== undefined && place.head === record.commit) return { kind: 'applied' };
  const made = await commitOf(ports, application, place, record);
  if (made.kind !== 'commit') {
    await moveTo(ports, application, place, record.base);
    return made;
  }
  await writeApply(ports.files, application.dir, { ...record, commit: made.commit });
  await moveTo(ports, application, place, record.base);
  await application.before();
  await moveTo(ports, application, place, made.commit);
  return { kind: 'applied' };
}

/** The worktree as it was before the answer of this attempt: it goes back to its provider, which is given the same files. */
export async function takeBack(ports: ApplyPorts, at: Pick<Application, 'task' | 'dir' | 'cwd'>): Promise<void> {
  const place = await placeOf(ports, at);
  const record = await readApply(ports.files, at.dir);
  if ('kind' in place || record?.commit === undefined || place.head !== record.commit) return;
  try {
    await moveTo(ports, at, place, record.base);
  } catch (problem) {
    if (!(problem instanceof InTheWay)) throw problem;
    ports.say('warn', `a worktree is left as it is: ${problem.message}`, { task: at.task.id }); // the next answer meets it
  }
}

interface Place {
  readonly calls: GitCalls;
  readonly top: string;
  readonly prefix: string;
  readonly branch: string;
  readonly head: string;
}

/** A4 */
async function placeOf(ports: ApplyPorts, { cwd }: Pick<Application, 'cwd'>): Promise<Place | Unfit> {
  const at = new GitCalls(ports, cwd);
  const [top = '', prefix = ''] = must(await at.run('rev-parse', '--show-toplevel', '--show-prefix')).split('\n');
  const calls = at.in(top);
  const head = must(await calls.run('rev-parse', '--verify', 'HEAD')).trim();
  const branch = await calls.ask('symbolic-ref', '--quiet', '--short', 'HEAD');
  if (branch?.startsWith(`${OURS}/`)) return { calls, top, prefix, branch, head };
  const found = branch ? `the branch ${branch}` : 'no branch';
  return { kind: 'unfit', reason: `its worktree ${top} is on ${found}, not on one of ours; nothing was changed there` };
}

async function recordOf(ports: ApplyPorts, application: Application, place: Place): Promise<ApplyRecord | Unfit> {
  const { dir } = application;
  const known = await readApply(ports.files, dir);
  if (known) {
    const { branch, from, base, commit } = known;
    if (branch === place.branch && [from, base, commit].includes(place.head)) return known;
    // Somebody has worked on it since. What was applied before that is there; what was not is built on theirs.
    if (commit !== undefined && (await isIn(place, commit))) return { ...known, commit: place.head };
  }
  const base = (await earlierBase(ports, application, place)) ?? place.head; // A2
  return writeApply(ports.files, dir, { branch: place.branch, from: place.head, base });
}

async function isIn({ calls, head }: Place, commit: string): Promise<boolean> {
  return (await calls.run('merge-base', '--is-ancestor', commit, head)).kind === 'ok';
}

/** Where the branch stands at what an earlier answer made of it, this one is for the files before that. */
async function earlierBase(
  ports: ApplyPorts,
  { lease }: Application,
  { head, branch }: Place,
): Promise<string | undefined> {
  for (let attempt = lease.attempt - 1; attempt > Math.max(0, lease.attempt - 1 - LOOK_BACK); attempt--) {
    const record = await readApply(ports.files, runDirOf(ports.home, lease.task, attempt));
    if (record?.branch === branch && record.commit === head) return record.base;
  }
  return undefined;
}

async function commitOf(ports: ApplyPorts, application: Application, place: Place, record: ApplyRecord): Promise<Made> {
  const { commit, base } = record;
  if (commit !== undefined && (await place.calls.commit(commit)) !== undefined) return { kind: 'commit', commit };
  const { files, git, clock } = ports;
  const { dir, patch, task, lease, provider } = application;
  const { index: name, patch: patch_file } = answerFiles(dir);
  await durably(files, patch_file, Buffer.from(patch.text));
  const index = `${name}-${clock.now()}`; // a git that outlived an earlier runtime may still write its own
  const message = `${task.title}\n\nTask ${task.id}, attempt ${lease.attempt}: the patch in the answer of ${provider}.\n`;
  const { top, prefix } = place;
  const made = await makeCommit({ git, clock, top, prefix, index, base, patch_file, patch, message });
  await files.remove(index);
  return made;
}

/** A3 */
async function setAside(
  ports: ApplyPorts,
  { task, dir }: Pick<Application, 'task' | 'dir'>,
  place: Place,
): Promise<void> {
  const { calls, branch } = place;
  const changes = must(
    await calls.run('status', '--porcelain', '-z', '--no-renames', '--untracked-files=no', '--ignore-submodules=all'),
  );
  if (changes === '') return;
  await refuseHidden(ports, place, changes);
  const who = ['-c', 'user.name=Yardmaster', '-c', 'user.email=yardmaster@localhost'];
  const commit = must(await calls.run(...who, 'stash', 'create', `what was in the worktree of task ${task.id}`)).trim();
  if (commit === '') return;
  const ref = `refs/yardmaster/aside/${branch.slice(OURS.length + 1)}-${commit.slice(0, 12)}`;
  must(await calls.run('update-ref', ref, commit));
  ports.say('info', 'changes in a worktree that were in no commit were set aside', { task: task.id, ref, dir });
}

/** Where a file that git knows has become a folder, or a folder a file, git knows nothing of what is there now, and would remove it. */
async function refuseHidden({ files }: ApplyPorts, { top }: Place, changes: string): Promise<void> {
  for (const entry of changes.split('\0').filter((one) => /^(D.|.D) /.test(one))) {
    const parts = entry.slice(3).split('/');
    for (let depth = 1; depth <= parts.length; depth++) {
      const path = parts.slice(0, depth).join('/');
      const { kind } = (await files.stat(join(top, path))) ?? {};
      if (kind === undefined) break;
      const is_last = depth === parts.length;
      if ((kind === 'dir') !== is_last) continue; // a folder on the way, or a file that only the index has lost
      throw new InTheWay(
        `${path} in its worktree ${top} is ${is_last ? 'a folder' : 'no folder'} now, and in no commit as that; it was left as it is`,
      );
    }
  }
}

/** Files and branch at this commit. What is in its way that no commit knows is kept first (A3). */
async function moveTo(
  ports: ApplyPorts,
  at: Pick<Application, 'task' | 'dir'>,
  place: Place,
  commit: string,
): Promise<void> {
  const { calls } = place;
  await unlock(ports, place);
  await setAside(ports, at, place);
  await keepUntracked(ports, at, place, commit);
  must(await calls.run('-c', 'submodule.recurse=false', 'reset', '--hard', '--quiet', commit, '--'));
}

/** The lock of a git that was killed; one that is alive works in the folder. */
async function unlock({ files, workingIn }: ApplyPorts, { calls, top }: Place): Promise<void> {
  const path = await calls.ask('rev-parse', '--git-path', 'index.lock');
  if (path === undefined) return;
  const lock = path.startsWith('/') ? path : join(top, path);
  if ((await files.stat(lock)) && (await workingIn(top)).length === 0) await files.remove(lock);
}

async function keepUntracked(
  ports: ApplyPorts,
  { task, dir }: Pick<Application, 'task' | 'dir'>,
  place: Place,
  commit: string,
): Promise<void> {
  const { calls, top, branch } = place;
  const range = ['--name-only', '-z', '--no-renames', '--no-ext-diff', '--diff-filter=A', 'HEAD', commit];
  const names = must(await calls.run('diff', ...range)).split('\0');
  for (const name of names.filter(Boolean)) {
    if (!(await stands(ports, place, name))) continue;
    const blob = must(await calls.run('hash-object', '-w', '--no-filters', '--', join(top, name))).trim();
    if (blob === (await calls.ask('rev-parse', '--verify', '--quiet', `${commit}:${name}`))) continue; // our own, half way
    const ref = `refs/yardmaster/aside/${branch.slice(OURS.length + 1)}-${blob.slice(0, 12)}`;
    must(await calls.run('update-ref', ref, blob));
    ports.say('info', 'a file in the way of a patch was set aside', { task: task.id, file: name, ref, dir });
  }
}

/** Whether a file is there that no commit of the branch knows. What can't be kept as one file stays as it is. */
async function stands({ files }: ApplyPorts, { calls, top }: Place, name: string): Promise<boolean> {
  const parts = name.split('/');
  for (let depth = 1; depth < parts.length; depth++) {
    const above = parts.slice(0, depth).join('/');
    const { kind } = (await files.stat(join(top, above))) ?? {};
    if (kind === undefined) return false;
    if (kind === 'dir') continue;
    if ((await calls.ask('rev-parse', '--verify', '--quiet', `HEAD:${above}`)) !== undefined) return false;
    throw new InTheWay(`${above} in its worktree ${top} is no folder, and is in no commit; it was left as it is`);
  }
  const stat = await files.stat(join(top, name));
  if (stat && stat.kind !== 'file')
    throw new InTheWay(`${name} in its worktree ${top} is no file, and is in no commit; it was left as it is`);
  return stat !== undefined;
}

class InTheWay extends Error {}
