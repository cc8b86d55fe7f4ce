import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChatAnswer, type Ending } from '../../../../src/runtime/io/providers/chat-answer.ts';
import { ServerEvents } from '../../../../src/runtime/io/providers/chat-events.ts';
import { readingOf } from '../../../../src/runtime/io/providers/chat-reading.ts';
import type { JobLook } from '../../../../src/runtime/ports.ts';

const BOUNDS = { answer_bytes: 10_000, stream_bytes: 100_000 };

/** Reads these pieces as the body of an answer of this type. */
function read(pieces: readonly Uint8Array[], type = 'text/event-stream', broken?: string): JobLook {
  const answer = new ChatAnswer({ model: 'm', key: undefined, prices: undefined });
  const reading = readingOf(answer, type, BOUNDS);
  for (const piece of pieces) {
    const heard = reading.data(Buffer.from(piece));
    if (typeof heard === 'object') return answer.judge(heard);
  }
  return answer.judge(reading.end(broken));
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, n) => bytes.subarray(places[n], end));
}

interface Written {
  readonly words: readonly string[];
  readonly line_end: string;
  readonly space: string;
  readonly pings: boolean;
  readonly pretty: boolean;
  readonly closed: 'done' | 'finish' | 'unfinished last line';
}

const written: fc.Arbitrary<Written> = fc.record({
  words: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 }),
  line_end: fc.constantFrom('\n', '\r\n', '\r'),
  space: fc.constantFrom('', ' '),
  pings: fc.boolean(),
  pretty: fc.boolean(),
  closed: fc.constantFrom('done', 'finish', 'unfinished last line'),
});

/** An answer as a server might write it; `pretty`: JSON over several `data` lines. */
function stream({ words, line_end, space, pings, pretty, closed }: Written): Uint8Array {
  const event = (data: unknown) => {
    const lines = JSON.stringify(data, null, pretty ? 1 : 0).split('\n');
    return lines.map((line) => `data:${space}${line}${line_end}`).join('') + line_end;
  };
  const said = words.map((content) => event({ choices: [{ index: 0, delta: { content } }] }));
  const last = event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
  const end = closed === 'done' ? `${last}data: [DONE]${line_end}${line_end}` : last;
  const text = said.join(pings ? `: ping${line_end}${line_end}` : '') + end;
  return new TextEncoder().encode(closed === 'unfinished last line' ? text.trimEnd() : text);
}

test('any cutting of the bytes gives the same answer', () => {
  fc.assert(
    fc.property(written, fc.array(fc.nat(), { maxLength: 20 }), (given, places) => {
      const bytes = stream(given);
      const whole = read([bytes]);
      expect(read(cut(bytes, places))).toEqual(whole);
      const text = given.words.join('');
      if (text.trim() !== '' && !/\p{Cc}/u.test(text))
        expect(whole).toMatchObject({ kind: 'completed', response: text });
    }),
  );
});

test('an answer that breaks off anywhere is never taken for a whole one', () => {
  fc.assert(
    fc.property(written, fc.nat(), (given, place) => {
      const bytes = stream({ ...given, closed: 'finish' });
      const broken = read([bytes.subarray(0, place % bytes.length)], undefined, 'ECONNRESET');
      if (broken.kind === 'completed')
        expect(broken).toEqual(read([bytes])); // the last word of it was there
      else expect(broken).toMatchObject({ kind: 'failed' });
    }),
  );
});

test('whatever a server sends ends as something', () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((json) => new TextEncoder().encode(`data: ${json}\n\n`)),
    fc.json().map((json) => new TextEncoder().encode(json)),
  );
  const type = fc.constantFrom('text/event-stream', 'application/json', 'text/plain', '');
  fc.assert(
    fc.property(fc.array(noise, { maxLength: 6 }), type, (pieces, given) => {
      expect(['completed', 'failed']).toContain(read(pieces, given).kind);
    }),
  );
});

describe('events', () => {
  const all = (...texts: string[]) => {
    const events = new ServerEvents(1_000);
    return [...texts.flatMap((text) => events.push(Buffer.from(text))), ...events.end()];
  };
  const data = (...texts: string[]) => all(...texts).map((event) => event.data);

  test('have fields, comments and unknown fields, and perhaps a mark at the start', () => {
    expect(all('\ufeffevent: error\nid: 7\n: hello\nretry\ndata: a\ndata:b\n\n')).toEqual([
      { event: 'error', data: 'a\nb' },
    ]);
  });

  test('keep a space that is theirs, and lose one', () => expect(data('data:  a\n\ndata:\n\n')).toEqual([' a', '']));

  test('end where CR and LF come apart', () =>
    expect(data('data: a\r', '\n\r', '\ndata: b\r\n\r\n')).toEqual(['a', 'b']));

  test('do not remember the name of one that had no data', () => {
    expect(all('event: error\n\ndata: a\n\n')).toEqual([{ event: '', data: 'a' }]);
  });

  test('are bounded, whether a line never ends or an event does not', () => {
    const line = new ServerEvents(100);
    line.push(Buffer.from(`data: ${'x'.repeat(200)}`));
    expect(line.too_large).toBe(true);
    const lines = new ServerEvents(100);
    lines.push(Buffer.from('data: 0123456789\n'.repeat(20)));
    expect(lines.too_large).toBe(true);
  });
});

describe('bounds', () => {
  const event = (content: string) => Buffer.from(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`);
  const untilTooLarge = (chunk: Buffer, type = 'text/event-stream'): { ending: Ending; chunks: number } => {
    const answer = new ChatAnswer({ model: 'm', key: undefined, prices: undefined });
    const reading = readingOf(answer, type, BOUNDS);
    for (let chunks = 1; ; chunks++) {
      const heard = reading.data(chunk);
      if (typeof heard === 'object') return { ending: heard, chunks };
    }
  };

  test('an answer', () => {
    const { ending, chunks } = untilTooLarge(event('ü'.repeat(500)));
    expect(ending).toEqual({ kind: 'too_large', max_bytes: 10_000 });
    expect(chunks).toBe(11); // 1,000 bytes each
  });

  test('a stream of nothing', () => expect(untilTooLarge(Buffer.from(': ping\n\n')).chunks).toBe(12_501));

  test('one piece of JSON', () => expect(untilTooLarge(Buffer.alloc(1_000, ' '), 'application/json').chunks).toBe(11));
});

test('only the first of several answers is read, and only its text', () => {
  const chunk = {
    choices: [
      { index: 1, delta: { content: 'other' } },
      {
        index: 0,
        delta: {
          content: [
            { type: 'thinking', thinking: 'hm' },
            { type: 'text', text: 'mine' },
          ],
        },
        finish_reason: 'stop',
      },
    ],
  };
  expect(read([Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`)])).toMatchObject({ response: 'mine' });
});
