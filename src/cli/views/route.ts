import type { RouteRule } from '../../runtime/model/route.ts';
import type { Look, Structured } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { relative } from '../time.ts';
import { fieldLines } from './fields.ts';

/** The decision in one line, then every rule that spoke. */
export function routeView(answer: Structured, look: Look): string {
  const { route, ...others } = answer;
  const decided = (typeof route === 'object' && route !== null ? route : answer) as Structured;
  const rules = Array.isArray(decided.rules) ? (decided.rules as RouteRule[]) : [];
  const reasons = rules.map(({ rule, says }) => `  ${look.paint('dim', safeLine(rule))}  ${safeLine(says)}\n`);
  const around = decided === answer ? '' : fieldLines(others, look);
  return `${look.paint('bold', headline(decided, look.now))}\n${reasons.join('')}${around}`;
}

function headline(route: Structured, now: number): string {
  const text = (key: string): string => safeLine(String(route[key] ?? ''));
  switch (route.to) {
    case 'agent':
      return `${text('agent')} (${text('kind')}${route.model === undefined ? '' : `, ${text('model')}`})`;
    case 'provider':
      return `provider ${text('provider')}${route.ai === undefined ? '' : ` (${text('ai')})`}`;
    case 'wait':
      return `waits: ${text('detail') || text('reason')}${until(route.until, now)}`;
    default:
      return `${text('to')}: ${text('reason')}`;
  }
}

function until(given: unknown, now: number): string {
  if (typeof given !== 'number' && typeof given !== 'string') return '';
  return ` (${relative(new Date(given).toISOString(), now)})`;
}
