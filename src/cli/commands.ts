import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { answerCommands } from './commands/answers.ts';
import { auditCommand } from './commands/audit.ts';
import { cancelCommand, retryCommand } from './commands/change.ts';
import { completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import { daemonCommands } from './commands/daemon.ts';
import { delegateCommand } from './commands/delegate.ts';
import { doctorCommand } from './commands/doctor.ts';
import { enqueueCommand } from './commands/enqueue.ts';
import { eventsCommand } from './commands/events.ts';
import { exportCommand } from './commands/export.ts';
import { holdCommands } from './commands/hold.ts';
import { importCommand } from './commands/import.ts';
import { listCommand } from './commands/list.ts';
import { logsCommand } from './commands/logs.ts';
import { mcpConfigCommand } from './commands/mcp-config.ts';
import { orphansCommand } from './commands/orphans.ts';
import { profilesCommand } from './commands/profiles.ts';
import { pruneCommand } from './commands/prune.ts';
import { quotaCommand } from './commands/quota.ts';
import { routeCommand } from './commands/route.ts';
import { sessionCommands } from './commands/sessions.ts';
import { showCommand } from './commands/show.ts';
import { statusCommand } from './commands/status.ts';
import { tokenCommand } from './commands/token.ts';
import { waitCommand } from './commands/wait.ts';
import { worktreesCommand } from './commands/worktrees.ts';

/** All commands, in the order of the help. */
export const COMMANDS: readonly ((program: Command, cli: Cli) => void)[] = [
  enqueueCommand,
  listCommand,
  showCommand,
  waitCommand,
  cancelCommand,
  retryCommand,
  routeCommand,
  delegateCommand,
  statusCommand,
  holdCommands,
  sessionCommands,
  answerCommands,
  profilesCommand,
  quotaCommand,
  worktreesCommand,
  eventsCommand,
  auditCommand,
  logsCommand,
  exportCommand,
  importCommand,
  pruneCommand,
  orphansCommand,
  doctorCommand,
  configCommand,
  completionCommand,
  tokenCommand,
  daemonCommands,
  mcpConfigCommand,
];

export { commandFor } from './command-for.ts';
