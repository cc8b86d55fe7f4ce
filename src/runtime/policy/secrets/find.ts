import { secretByName } from './names.ts';
import { CONTENT_RULES, type ContentRule, PLAIN_ASSIGNMENT } from './table.ts';

/** Where something that must not leave was found. Never what it was. */
export interface SecretFound {
  readonly path: string;
  /** Absent where the name alone says it. */
  readonly line?: number;
  readonly rule: string;
}

const PLAIN = /(?:^|\/)(?:[^/]+\.(?:ya?ml|ini|cfg|conf|properties|toml|sh|bash|zsh|service|tf)|Dockerfile|Makefile)$/i;

export function secretName(path: string): SecretFound | undefined {
  const rule = secretByName(path);
  return rule === undefined ? undefined : { path, rule };
}

/** The first of each rule in a text. */
export function secretsIn(path: string, text: string): SecretFound[] {
  const rules = PLAIN.test(path) ? [...CONTENT_RULES, PLAIN_ASSIGNMENT] : CONTENT_RULES;
  return rules.flatMap((rule) => {
    const at = firstOf(rule, text);
    return at === undefined ? [] : [{ path, line: lineAt(text, at), rule: rule.rule }];
  });
}

function firstOf({ pattern, only }: ContentRule, text: string): number | undefined {
  for (const found of text.matchAll(pattern)) {
    if (!only || only(found.groups?.value ?? found[0])) return found.index;
  }
  return undefined;
}

function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1)) line++;
  return line;
}
