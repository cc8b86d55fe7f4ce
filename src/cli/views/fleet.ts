import type { Need } from '../../runtime/yard.ts';
import type { Look, Structured } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { fieldLines } from './fields.ts';

/** What needs a person stands first; the rest follows as the runtime tells it. */
export function fleetView(answer: Structured, look: Look): string {
  const { needs, needs_a_person, ...others } = answer;
  const list = (Array.isArray(needs) ? needs : Array.isArray(needs_a_person) ? needs_a_person : []) as Need[];
  const first =
    list.length === 0 ? look.paint('green', 'nothing needs you') : look.paint('yellow', `${list.length} need you`);
  return `${first}\n${list.map((need) => needLines(need, look)).join('')}\n${fieldLines(others, look)}`;
}

function needLines({ what, where, next }: Need, look: Look): string {
  return `  ${safeLine(what)}  ${look.paint('dim', safeLine(where ?? ''))}\n    → ${safeLine(next ?? '')}\n`;
}
