import { type Refusal, refuse } from '../../model/refusal.ts';
import { type Placed, runs } from '../../policy/seats.ts';
import type { PaneView } from '../../terminals.ts';

const LOOK = 'yardmaster sessions shows what is there';

/**
 * The pane that is meant when a person hands a session over, or why there is nothing to hand over.
 *
 * What a person expects: the session is used for tasks from now on, and nothing that runs in it is ended. A shell at its
 * prompt gives way to the next task. Any other program stays, and the seat takes no work, until it has ended by itself or
 * its owner has ended it. What stands beside the pane stays the person's.
 */
export function adoptee(
  seat: { readonly name: string; readonly agent: string },
  at: Placed,
  panes: readonly PaneView[],
): PaneView | Refusal {
  const { name } = seat;
  switch (at.kind) {
    case 'there':
    case 'dead':
      return refuse('not_possible', `${name} is ours already: there is nothing to adopt`, LOOK);
    case 'absent':
      return refuse(
        'not_found',
        `there is no tmux session ${name} to adopt`,
        'it is made by itself when there is work for it; yardmaster sessions shows the others',
      );
    case 'foreign':
      return among(
        seat,
        at.detail,
        panes.filter((pane) => pane.session === name),
      );
  }
}

function among(
  { name, agent }: { name: string; agent: string },
  detail: string,
  panes: readonly PaneView[],
): PaneView | Refusal {
  if (panes.some((pane) => pane.home !== undefined)) {
    return refuse('not_allowed', `${name} can't be adopted: ${detail}`, 'rename one of the two with tmux');
  }
  const agents = panes.filter((pane) => pane.command === agent);
  const [only, ...more] = agents.length > 0 ? agents : panes;
  if (only && more.length === 0) return only;
  return refuse(
    'not_possible',
    `${name} has ${panes.length} panes (they run ${runs(panes)}): it is not clear which one is meant; nothing was changed`,
    `close the others or move them into another session, then adopt ${name} again`,
  );
}
