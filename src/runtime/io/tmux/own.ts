import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../../model/config.ts';
import type { Tmux } from '../../terminals.ts';
import type { Environment } from './program.ts';
import { tmux } from './tmux.ts';

/** The tmux that the configuration names, and the mark of this home in it, which outlives every runtime. */
export function personsTmux(of: { home: string; config: Pick<Config, 'tmux'>; env: Environment }): {
  readonly tmux: Tmux;
  readonly mark: string;
} {
  const { program, socket } = of.config.tmux;
  const mark = createHash('sha256').update(of.home).digest('hex').slice(0, 12);
  const at = socket === undefined ? {} : { socket: socket.startsWith('/') ? { path: socket } : { name: socket } };
  return { mark, tmux: tmux({ mark, spill: join(of.home, 'spill'), env: of.env, program, ...at }) };
}
