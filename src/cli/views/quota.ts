import type { Look } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { table } from '../table.ts';
import { relative } from '../time.ts';

/** As `yardmaster/quota` answers. */
export interface QuotaAnswer {
  readonly allowance: readonly {
    readonly of: string;
    readonly name: string;
    readonly limits: readonly ShownLimit[];
  }[];
}

export interface ChangedLimit {
  readonly of: string;
  readonly name: string;
  readonly what: string;
  readonly limit: ShownLimit;
  readonly hint?: string;
}

interface ShownLimit {
  readonly what: string;
  readonly used?: number;
  readonly limit?: number;
  readonly unit?: string;
  readonly remaining?: number;
  readonly currency?: string;
  readonly resets_at?: string;
  readonly state: string;
  readonly changed?: {
    readonly by?: string;
    readonly at: string;
    readonly reason: string;
    readonly until?: string;
  };
}

const HEAD = ['OF', 'NAME', 'LIMIT', 'USED', 'OF', 'LEFT', 'AGAIN', 'STATE', 'FROM'];

export function quotaView({ allowance }: QuotaAnswer, look: Look): string {
  const rows = allowance.flatMap(({ of, name, limits }) =>
    limits.map((limit) => [safeLine(of), safeLine(name), ...cells(limit, look)]),
  );
  if (rows.length === 0)
    return 'nothing is limited, and nothing was used today (`allowance` in yardmaster.yaml, or yardmaster quota set)\n';
  return table(
    HEAD.map((word) => look.paint('dim', word)),
    rows,
    look.width,
  );
}

/** What it is now, on one line. */
export function changedView({ of, name, what, limit }: ChangedLimit, look: Look): string {
  const value = limit.limit === undefined ? 'without limit' : amount(limit, limit.limit);
  const used = limit.used === undefined ? '' : `, ${amount(limit, limit.used)} used`;
  const end = limit.changed?.until === undefined ? '' : `, ends ${relative(limit.changed.until, look.now)}`;
  const from = limit.changed ? `changed${end}` : 'as configured';
  return safeLine(`${what} of ${of} ${name}: ${value}${used} (${from})`);
}

function cells(limit: ShownLimit, { paint, now }: Look): string[] {
  const { what, used, remaining, resets_at, state } = limit;
  const colour = state === 'exceeded' ? 'red' : state === 'warning' ? 'yellow' : 'green';
  return [
    safeLine(what),
    used === undefined ? '' : amount(limit, used),
    limit.limit === undefined ? '' : amount(limit, limit.limit),
    remaining === undefined ? '' : amount(limit, remaining),
    resets_at === undefined ? '' : relative(resets_at, now),
    paint(colour, safeLine(state)),
    fromText(limit, now),
  ];
}

function fromText({ changed, limit }: ShownLimit, now: number): string {
  if (!changed) return limit === undefined ? 'no limit' : 'configured';
  const end = changed.until === undefined ? '' : `, ends ${relative(changed.until, now)}`;
  const by = changed.by === undefined ? '' : ` by ${changed.by === 'owner' ? 'a person' : changed.by}`;
  const what = limit === undefined ? 'no limit, changed' : 'changed';
  return safeLine(`${what}${by} ${relative(changed.at, now)}${end}: ${changed.reason}`);
}

function amount({ unit, currency }: ShownLimit, number: number): string {
  if (unit === 'seconds') return lengthText(number);
  return currency === undefined ? String(number) : `${number} ${safeLine(currency)}`;
}

/** `90s`, `5m`: the largest unit without a rest. */
function lengthText(seconds: number): string {
  const [unit, size] = [['h', 3_600] as const, ['m', 60] as const].find(([, size]) => seconds % size === 0) ?? ['s', 1];
  return `${seconds / size}${unit}`;
}
