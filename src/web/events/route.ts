import type { Yard } from '../../runtime/yard.ts';
import { isProblem, malformed, type Problem } from '../problem.ts';
import type { Asked, Route } from '../route.ts';
import { Feed, type FeedLimits } from './feed.ts';
import { Reader, type Start } from './reader.ts';

const DESCRIBED = {
  summary: 'Everything that happens, as it happens',
  description:
    'Server-sent events. First a `snapshot` (counts, needs, open tasks, sessions), then a `change` for each journal record; the id is its number. Last-Event-ID (or `after`) goes on behind a number; where that is not possible a `snapshot` with `reset` says why. A `gap` counts what could not be shown; a snapshot follows it.',
  parameters: [
    { name: 'after', in: 'query', schema: { type: 'integer', minimum: 0 } },
    { name: 'Last-Event-ID', in: 'header', schema: { type: 'integer', minimum: 0 } },
  ],
  responses: { 200: { description: 'OK', content: { 'text/event-stream': {} } } },
};

export function eventsRoute(limits?: FeedLimits): Route {
  const feeds = new WeakMap<Yard, Feed>();
  const feedOf = (yard: Yard): Feed => {
    const feed = feeds.get(yard) ?? new Feed(yard, limits);
    feeds.set(yard, feed);
    return feed;
  };
  const answer = async (asked: Asked): Promise<Problem | undefined> => stream(feedOf(asked.yard), asked);
  return { method: 'GET', path: '/api/v1/events', described: DESCRIBED, answer };
}

function stream(feed: Feed, { request, response, caller, url, signal }: Asked): Problem | undefined {
  const start = startOf(feed.yard, url.searchParams, request.headers['last-event-id']);
  if (isProblem(start)) return start;
  if (feed.readers >= feed.limits.maxReaders) return crowded(feed.limits.maxReaders);
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-accel-buffering': 'no',
  });
  if (request.method === 'HEAD') response.end();
  else new Reader(feed, caller, response, signal).start(start);
  return undefined;
}

/** The header is newer than the address: a browser that reconnects keeps the address it began with. */
function startOf(yard: Yard, query: URLSearchParams, header: string | string[] | undefined): Start | Problem {
  const stray = [...query.keys()].find((name) => name !== 'after');
  if (stray !== undefined) return malformed(`"${stray.slice(0, 80)}" is no parameter of events`, 'allowed: after');
  const after = query.get('after');
  if (after !== null && !isNumber(after))
    return malformed(
      `after is "${after.slice(0, 40)}", not a number`,
      'give the id of the last event, or leave it out',
    );
  const last = header === undefined ? after : String(header);
  if (last === null) return { kind: 'anew' };
  if (!isNumber(last)) return { kind: 'anew', reset: 'Last-Event-ID is no number that this stream gives' };
  return goOn(yard, Number(last));
}

function goOn(yard: Yard, seq: number): Start {
  const { oldest, newest } = yard.span();
  if (seq > newest)
    return { kind: 'anew', reset: `the journal ends at ${newest}: it is not the one that ${seq} is of` };
  if (seq < oldest - 1) return { kind: 'anew', reset: `records before ${oldest} are not kept any more` };
  return { kind: 'after', seq };
}

function isNumber(text: string): boolean {
  return /^\d{1,15}$/.test(text);
}

function crowded(most: number): Problem {
  return {
    status: 503,
    code: 'busy',
    message: `${most} streams of events are open already`,
    hint: 'close some, or ask GET /api/v1/tasks?changed_since=1m',
    headers: { 'retry-after': '15' },
  };
}
