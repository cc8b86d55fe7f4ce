/** The part of a logger (pino's shape) that the server and the runtime write to. */
export interface Log {
  /** From which level on something is written. */
  level?: string;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
