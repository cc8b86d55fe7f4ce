import type { Log } from './server/log.ts';

/**
 * JSON lines on standard error, which the bridge has pointed at the home's log. Written at once: a crash loses none.
 * A person at a terminal gets what went wrong; the configuration may say otherwise (`log.level`).
 */
export async function errorLog(): Promise<Log> {
  const { default: pino } = await import('pino');
  const level = process.stderr.isTTY ? 'warn' : 'info';
  const log: Log = pino({ level, base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
  return log;
}
