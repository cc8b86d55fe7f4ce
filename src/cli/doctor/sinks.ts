import type { SinkView } from '../../runtime/model/sink.ts';
import type { Cli } from '../cli.ts';
import { type Finding, note, ok } from './check.ts';

const NAME = 'sinks';

/** How those are told what happens who are configured to be, by the runtime that tells them. */
export async function sinks(cli: Cli): Promise<Finding[]> {
  try {
    const socket = await cli.runtime.connect({ start: false });
    socket?.destroy();
    if (socket === undefined) return [];
    const answer = await cli.connection({ start: false }).request('yardmaster/sinks', {});
    return (answer as { sinks: readonly SinkView[] }).sinks.map(findingOf);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return [note(NAME, `nothing is known: ${said}`, 'See what is said of the runtime.')];
  }
}

function findingOf({ name, kind, to, delivered, waiting, missed, trouble }: SinkView): Finding {
  const figures = `${delivered} told, ${waiting} waiting${missed > 0 ? `, ${missed} missed` : ''}`;
  const what = `${name} (${kind}, ${to}): ${figures}`;
  if (trouble === undefined) return ok(NAME, what);
  return note(NAME, `${what}; ${trouble}`, 'See `yardmaster status`; what was missed is in `yardmaster audit`.');
}
