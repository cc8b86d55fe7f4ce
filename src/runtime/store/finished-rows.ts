import { crc32 } from 'node:zlib';
import type { ProjectId } from '../model/ids.ts';
import type { FinishedTask } from '../model/task.ts';

/*
 * What a list asks of each line of an index file, in columns: a search looks at numbers, and only lines that are shown
 * are read. Names are hashes here, so what is found has to be looked at again (`fits`).
 */

type EndState = FinishedTask['state'];
const STATES: readonly EndState[] = ['done', 'failed', 'cancelled'];
export const ROW_BYTES = 17;

/** Which tasks are wanted; what is left out may be anything. */
export interface Wanted {
  readonly states?: readonly EndState[];
  readonly project?: ProjectId;
  readonly group?: string;
}

export type RowFacts = Pick<FinishedTask, 'state' | 'project' | 'group'>;

export function fits({ states, project, group }: Wanted, task: RowFacts): boolean {
  return (
    (states === undefined || states.includes(task.state)) &&
    (project === undefined || task.project === project) &&
    (group === undefined || task.group === group)
  );
}

/** The lines of one index file that hold a task, in the order of the file. */
export class Rows {
  count: number;
  #offsets: Uint32Array;
  #lengths: Uint32Array;
  #projects: Uint32Array;
  #groups: Uint32Array;
  #states: Uint8Array;

  /** From `bytes()`, or empty. */
  constructor(count = 0, bytes: Uint8Array = new Uint8Array()) {
    this.count = count;
    const own = new Uint8Array(bytes).buffer; // aligned, whatever the bytes were cut from
    const column = (n: number) => new Uint32Array(own, 4 * count * n, count);
    [this.#offsets, this.#lengths, this.#projects, this.#groups] = [column(0), column(1), column(2), column(3)];
    this.#states = new Uint8Array(own, 16 * count, count);
  }

  /** `length` without the newline. */
  push(task: RowFacts, offset: number, length: number): void {
    if (this.count === this.#states.length) this.#grow();
    this.#offsets[this.count] = offset;
    this.#lengths[this.count] = length;
    this.#projects[this.count] = hashOf(task.project);
    this.#groups[this.count] = task.group === undefined ? 0 : hashOf(task.group);
    this.#states[this.count] = bitOf(task.state);
    this.count++;
  }

  /** How many rows lie before an offset. */
  before(offset: number): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.place(middle).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  place(row: number): { offset: number; length: number } {
    return { offset: this.#offsets[row] ?? 0, length: this.#lengths[row] ?? 0 };
  }

  /** The newest rows before `end` that may be wanted, newest first; `next` is the row up to which it looked. */
  find({ states, project, group }: Wanted, end: number, most: { found: number; looked: number }) {
    const mask = (states ?? STATES).reduce((bits, state) => bits | bitOf(state), 0);
    const ofProject = project === undefined ? undefined : hashOf(project);
    const ofGroup = group === undefined ? undefined : hashOf(group);
    const found: number[] = [];
    const stop = Math.max(0, end - most.looked);
    let row = end;
    while (row > stop && found.length < most.found) {
      row--;
      if (((this.#states[row] ?? 0) & mask) === 0) continue;
      if (ofProject !== undefined && this.#projects[row] !== ofProject) continue;
      if (ofGroup !== undefined && this.#groups[row] !== ofGroup) continue;
      found.push(row);
    }
    return { found, next: row };
  }

  /** What a search can be spared for: see `keysOf`. */
  keys(): Set<number> {
    const keys = new Set<number>();
    for (let row = 0; row < this.count; row++) {
      const [state, project, group] = [this.#states[row] ?? 0, this.#projects[row] ?? 0, this.#groups[row] ?? 0];
      for (const key of [state, project, mix(state, project), group]) keys.add(key);
    }
    return keys;
  }

  bytes(): Uint8Array {
    const columns = [this.#offsets, this.#lengths, this.#projects, this.#groups, this.#states];
    return Buffer.concat(columns.map((all) => bytesOf(all.subarray(0, this.count))));
  }

  #grow(): void {
    const size = Math.max(1_024, this.count * 2);
    const wider = (column: Uint32Array) => {
      const wide = new Uint32Array(size);
      wide.set(column);
      return wide;
    };
    [this.#offsets, this.#lengths] = [wider(this.#offsets), wider(this.#lengths)];
    [this.#projects, this.#groups] = [wider(this.#projects), wider(this.#groups)];
    const states = new Uint8Array(size);
    states.set(this.#states);
    this.#states = states;
  }
}

/** One of each of these sets has to be among a file's keys, or nothing that is wanted is in it. */
export function keysOf({ states, project, group }: Wanted): readonly (readonly number[])[] {
  const bits = (states ?? STATES).map(bitOf);
  const ofProject = project === undefined ? undefined : hashOf(project);
  const sets = [ofProject === undefined ? bits : bits.map((state) => mix(state, ofProject))];
  return group === undefined ? sets : [...sets, [hashOf(group)]];
}

function bitOf(state: EndState): number {
  return 1 << STATES.indexOf(state);
}

/** Never 0, which stands for no group, nor the number of a state. */
function hashOf(name: string): number {
  return (crc32(name) | 0x100) >>> 0;
}

function mix(state: number, project: number): number {
  return (Math.imul(project, 31) + state * 0x1000) >>> 0;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | Uint8Array): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
