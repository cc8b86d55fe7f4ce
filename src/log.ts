import type { Log } from './server/log.ts';

/** JSON lines on standard error, which the bridge has pointed at the home's log. Written at once: a crash loses none. */
export async function errorLog(level = 'info'): Promise<Log> {
  const { default: pino } = await import('pino');
  const log: Log = pino({ level, base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
  return log;
}
