/** Where a value of the configuration comes from, weakest first. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file' | 'project'; readonly from: string; readonly line: number }
  | { readonly kind: 'environment' | 'flag'; readonly from: string };

/** `default`, `~/…/yardmaster.yaml:4`, `YARDMASTER_LOG_LEVEL`. */
export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'default';
    case 'file':
    case 'project':
      return `${origin.from}:${origin.line}`;
    case 'environment':
    case 'flag':
      return origin.from;
  }
}
