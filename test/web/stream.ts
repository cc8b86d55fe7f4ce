import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { until } from '../support/world.ts';

export interface Message {
  readonly id: number;
  readonly event: string;
  readonly data: {
    readonly seq: number;
    readonly reset?: string;
    readonly missed?: number;
    readonly events?: readonly {
      readonly type: string;
      readonly project?: string;
      readonly id: string;
      readonly task?: string;
      readonly message?: string;
    }[];
    readonly tasks?: readonly { readonly id: string; readonly state: string }[];
    readonly counts?: Readonly<Record<string, number>>;
    readonly sessions?: readonly unknown[];
    readonly needs?: readonly unknown[];
  };
}

/** A reader of `/api/v1/events` that keeps what it was told, and can stop reading without hanging up. */
export class Stream {
  readonly messages: Message[] = [];
  changes = 0;
  comments = 0;
  bytes = 0;
  closed = false;
  readonly #sent: ClientRequest;
  #response: IncomingMessage | undefined;
  #rest = '';

  private constructor(sent: ClientRequest) {
    this.#sent = sent;
  }

  static open(port: number, path = '/api/v1/events', headers: Record<string, string> = {}): Promise<Stream> {
    return new Promise((resolve, reject) => {
      const all = { authorization: 'Bearer owner', ...headers };
      const sent = request({ host: '127.0.0.1', port, path, headers: all, agent: false }, (response) => {
        if (response.statusCode !== 200) return reject(new Error(`the stream was refused: ${response.statusCode}`));
        const stream = new Stream(sent);
        stream.#read(response);
        resolve(stream);
      });
      sent.once('error', reject);
      sent.end();
    });
  }

  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  close(): void {
    this.#sent.destroy();
  }

  get last(): Message | undefined {
    return this.messages.at(-1);
  }

  /** Every event of every change, in order. */
  get events(): { type: string; project?: string; id: string; task?: string; message?: string }[] {
    return this.messages.flatMap(({ event, data }) => (event === 'change' ? [...(data.events ?? [])] : []));
  }

  async has(wanted: (message: Message) => boolean): Promise<Message> {
    await until(() => this.messages.some(wanted));
    return this.messages.find(wanted) as Message;
  }

  #read(response: IncomingMessage): void {
    this.#response = response;
    response.setEncoding('utf8').on('data', (chunk: string) => this.#take(chunk));
    for (const end of ['end', 'error', 'close']) response.on(end, () => this.#ended());
  }

  #ended(): void {
    this.closed = true;
  }

  #take(chunk: string): void {
    this.bytes += chunk.length;
    const blocks = (this.#rest + chunk).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      if (fields.has('')) this.comments += 1;
      const data = fields.get('data');
      if (data === undefined) continue;
      const message: Message = {
        id: Number(fields.get('id')),
        event: fields.get('event') ?? 'message',
        data: JSON.parse(data),
      };
      if (message.event === 'change') this.changes += 1;
      this.messages.push(message);
    }
  }
}
