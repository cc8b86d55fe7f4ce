/** `task://{project}/{id}`: each variable is one segment, percent-encoded. */
export interface UriPattern {
  readonly isTemplate: boolean;
  match(uri: string): Record<string, string> | undefined;
  /** The address with these values, encoded as ours are. */
  fill(variables: Readonly<Record<string, string>>): string;
}

export function uriPattern(template: string): UriPattern {
  const names: string[] = [];
  const source = template.replace(/\{(\w+)\}|[^{}]+/g, (text, name: string | undefined) => {
    if (name === undefined) return text.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
    names.push(name);
    return '([^/?#]+)';
  });
  const pattern = new RegExp(`^${source}$`);
  return {
    isTemplate: names.length > 0,
    fill: (variables) => template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(variables[name] ?? '')),
    match(uri) {
      const found = pattern.exec(uri);
      if (found === null) return undefined;
      try {
        return Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(found[i + 1] ?? '')]));
      } catch {
        return undefined; // a broken percent code names nothing
      }
    },
  };
}
