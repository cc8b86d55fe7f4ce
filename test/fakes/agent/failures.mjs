/* How a turn ends that the service refused: what the screen, the hook and the transcript say. */

const later =
  'This is a server-side issue, usually temporary — try again in a moment. If it persists, check your network.';

const FAILURES = {
  429: {
    error: 'rate_limit',
    text: 'API Error: Request rejected (429) · This request would exceed your rate limit.',
  },
  500: { error: 'server_error', text: `API Error: 500 Internal server error. ${later}` },
  529: { error: 'server_error', text: `API Error: 529 Overloaded. ${later}` },
  dropped: { error: 'server_error', text: 'API Error: The socket connection was closed unexpectedly.', status: null },
  401: { error: 'authentication_failed', text: 'Invalid API key · Fix external API key', below: true },
  403: {
    error: 'authentication_failed',
    text: 'Please run /login · API Error: 403 Your account does not have permission.',
  },
  402: {
    error: 'billing_error',
    text: 'Credit balance is too low',
    screen: 'Credit balance too low · Add funds: https://platform.claude.com/settings/billing',
    below: true,
  },
  400: { error: 'unknown', text: 'API Error: 400 bad request' },
  404: {
    error: 'model_not_found',
    text: "There's an issue with the selected model. It may not exist or you may not have access to it. Run /model to pick a different model.",
  },
  413: {
    error: 'invalid_request',
    text: 'Request too large (max 32MB). Run /compact, or double press esc to go back and remove attachments.',
  },
  toolong: {
    error: 'invalid_request',
    text: 'Prompt is too long',
    screen: 'Context limit reached · /compact or /clear to continue',
    below: true,
    status: 400,
    details:
      '400 {"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 250000 tokens > 200000 maximum"}}',
  },
};

/** `529`, `529x3` (in so many turns). */
export function failureOf(rest) {
  const [, which] = /^(\w+?)(?:x\d+)?$/.exec(rest) ?? [];
  const known = FAILURES[which];
  if (known === undefined) return { error: 'unknown', text: `API Error: ${rest}`, status: Number(which) || null };
  return { status: known.status === undefined ? Number(which) : known.status, ...known };
}

/** `five_hour:3600`: a limit of the account, with the time of its end as the real one words it. */
export function limitOf(rest) {
  const [claim = 'five_hour', seconds = '3600'] = rest.split(':');
  const reset = Date.now() + Number(seconds) * 1_000;
  const day = new Date(reset).toLocaleString('en-US', { timeZone: 'UTC', month: 'short', day: 'numeric' });
  const short = claim === 'five_hour';
  const text = short
    ? `You've hit your 5-hour limit · resets ${clock(reset)} (UTC)`
    : `You've hit your weekly limit · resets ${day}, ${clock(reset)} (UTC)`;
  return {
    error: 'rate_limit',
    status: 429,
    text,
    below: true,
    limit: { status: 'rejected', resetsAt: Math.floor(reset / 1_000), rateLimitType: claim },
    ...(short && { resumes: { reset, at: clock(reset) } }),
  };
}

function clock(at) {
  const date = new Date(at);
  const hour = date.getUTCHours();
  const minutes = String(date.getUTCMinutes()).padStart(2, '0');
  return `${hour % 12 || 12}:${minutes}${hour < 12 ? 'am' : 'pm'}`;
}
