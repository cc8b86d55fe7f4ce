import type { Look, Structured } from '../cli.ts';
import { hintForPeople } from '../hints.ts';
import { safeLine, safeText } from '../safe-text.ts';

/** What a person reads of any value: names aligned, lists as lines, nothing that is empty. */
export function fieldLines(fields: Structured, look: Look): string {
  return lines(fields, look, '');
}

function lines(fields: Structured, look: Look, indent: string): string {
  const shown = Object.entries(fields).filter(([, value]) => !isEmpty(value));
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown
    .map(([name, value]) => {
      const label = safeLine(name).replaceAll('_', ' ');
      const text = valueText(value, look, `${indent}  `);
      if (text.startsWith('\n')) return `${indent}${look.paint('dim', label)}${text}`;
      return `${indent}${look.paint('dim', label.padEnd(width))}  ${text}\n`;
    })
    .join('');
}

function valueText(value: unknown, look: Look, indent: string): string {
  if (Array.isArray(value) && value.some((item) => typeof item === 'object'))
    return `\n${value.map((item) => `${indent}- ${inline(item)}\n`).join('')}`;
  if (Array.isArray(value)) return value.map((item) => safeLine(String(item))).join(', ');
  if (typeof value === 'object' && value !== null) return `\n${lines({ ...value }, look, indent)}`;
  const text = safeText(hintForPeople(String(value))).trimEnd();
  if (!text.includes('\n')) return text;
  return `\n${text.replace(/^/gm, indent)}\n`;
}

/** `what: the queue is full, next: …` on one line. */
function inline(item: unknown): string {
  if (typeof item !== 'object' || item === null) return safeLine(String(item));
  const entries = Object.entries(item).filter(([, value]) => !isEmpty(value));
  return entries
    .map(([name, value]) => safeLine(`${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`))
    .join(', ');
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}
