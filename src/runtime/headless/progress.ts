import type { HeadlessAgent } from '../agents/headless.ts';
import type { CodingAgentName } from '../model/config.ts';
import type { Files } from '../ports.ts';
import { sizeOf } from '../runs/reader.ts';
import type { RunText } from '../yard.ts';
import { Lines } from './lines.ts';
import { headlessFiles, readHeadless } from './record.ts';
import { progressText } from './shown.ts';

/*
 * The stream of a run as people read it, from any place in it. Undefined for a run that has no such stream: then what it
 * wrote is read as it is.
 */

const PIECE = 128 * 1024;
/** Of the stream, for the end of what it shows: most of a stream is not shown. */
const END = 2 * 1024 * 1024;

interface Ports {
  readonly files: Pick<Files, 'read' | 'readAt' | 'stat'>;
  readonly headless: (program: CodingAgentName) => HeadlessAgent;
}

export class RunProgress {
  readonly #ports: Ports;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** The last `limit` bytes of what it shows. */
  async tail(dir: string, limit: number): Promise<RunText | undefined> {
    const found = await this.#streamIn(dir);
    if (found === undefined) return undefined;
    const { path, size, agent } = found;
    const from = Math.max(0, size - END);
    const { text } = await this.#shown(agent, path, from === 0 ? 0 : await this.#lineBehind(path, from), END);
    const bytes = Buffer.from(text);
    const whole = from === 0 ? bytes.length : Math.max(bytes.length, limit + 1);
    if (bytes.length <= limit) return { text, size: whole, path };
    const end = bytes.subarray(bytes.length - limit);
    return { text: end.subarray(end.indexOf(0x0a) + 1).toString(), size: whole, path };
  }

  /** What it shows from `offset` on; `next` is where the next page begins. Half a line waits for its other half. */
  async page(dir: string, offset: number, limit: number): Promise<{ text: string; next: number } | undefined> {
    const found = await this.#streamIn(dir);
    if (found === undefined) return undefined;
    return this.#shown(found.agent, found.path, Math.min(offset, found.size), limit);
  }

  async #streamIn(dir: string) {
    const record = await readHeadless(this.#ports.files, dir);
    const path = headlessFiles(dir).stdout;
    const size = record && (await sizeOf(this.#ports.files, path));
    if (record === undefined || size === undefined) return undefined;
    return { path, size, agent: this.#ports.headless(record.agent) };
  }

  async #shown(agent: HeadlessAgent, path: string, from: number, limit: number) {
    const reader = agent.reader();
    const lines = new Lines();
    const texts: string[] = [];
    let next = from;
    for (let at = from; next - from < limit; ) {
      const piece = await this.#ports.files.readAt(path, at, PIECE);
      if (piece === undefined || piece.length === 0) break;
      for (const line of lines.take(piece))
        if (line.trim() !== '') texts.push(...reader.take(line).map((one) => `${progressText(one)}\n`));
      const end = piece.lastIndexOf(0x0a);
      if (end !== -1) next = at + end + 1;
      at += piece.length;
    }
    return { text: texts.join(''), next };
  }

  async #lineBehind(path: string, from: number): Promise<number> {
    for (let at = from; ; ) {
      const piece = await this.#ports.files.readAt(path, at, PIECE);
      if (piece === undefined || piece.length === 0) return at;
      const end = piece.indexOf(0x0a);
      if (end !== -1) return at + end + 1;
      at += piece.length;
    }
  }
}
