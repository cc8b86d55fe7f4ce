/** A symbolic link, folder, pipe, socket or device where a plain file was asked for. */
export class NotARegularFile extends Error {
  readonly path: string;
  constructor(path: string, what: string) {
    super(`${path} is ${what}, not a regular file; it was left alone`);
    this.name = 'NotARegularFile';
    this.path = path;
  }
}

export class FileTooLarge extends Error {
  readonly path: string;
  readonly limit: number;
  constructor(path: string, limit: number) {
    super(`${path} is larger than ${limit} bytes; it was not read`);
    this.name = 'FileTooLarge';
    this.path = path;
    this.limit = limit;
  }
}

/** The code of a system error (`ENOENT`, `ENOSPC` …), undefined for any other. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
