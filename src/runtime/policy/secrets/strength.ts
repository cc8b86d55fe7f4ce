/*
 * Whether a text looks like something that a machine has made up. Words, names, paths and placeholders do not.
 */

const PLACEHOLDER =
  /example|sample|placeholder|change.?me|replace|redacted|dummy|fake|secret|passw|token|your|insert|xxxx|0000|1234|abcd|\*\*\*|\.\.\.|todo/i;
const EXPRESSION = /:\/\/|\$\{|\{\{|<[^>]*>|%[sd(]|\(\)|^[./~$@%&]|^(?:process|os|env)\./;

export function looksRandom(value: string, least: number): boolean {
  if (value.length < least || PLACEHOLDER.test(value) || EXPRESSION.test(value)) return false;
  const digits = value.replace(/\D/g, '').length;
  const letters = value.replace(/[^A-Za-z]/g, '').length;
  if (digits < 2 || letters < 4) return false;
  if (isWords(value)) return false;
  return entropy(value) >= (value.length < 20 || /^[0-9a-f]+$/i.test(value) ? 3 : 3.4);
}

/** `sha256-of-the-body`, `user_id_2`, `maxAge30Days`: parts that are words, with few digits. */
function isWords(value: string): boolean {
  const parts = value.split(/[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])/).filter((part) => part !== '');
  return parts.length > 0 && parts.every((part) => /^(?:[A-Z]?[a-z]+\d{0,3}|[A-Z]+\d{0,3}|\d{1,4})$/.test(part));
}

/** Bits for each character, as often as each stands there. */
function entropy(value: string): number {
  const counts = new Map<string, number>();
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / value.length) * Math.log2(n / value.length), 0);
}
