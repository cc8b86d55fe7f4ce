/*
 * Tools that it may not use. Without a terminal Gemini CLI (0.61.0, 2026-11-21) leaves out what it would have to ask for, so
 * that such a use fails like that of a tool which does not exist:
 *
 *   default, plan    run_shell_command, write_file …   tool_not_registered
 *   auto_edit        run_shell_command                 tool_not_registered
 *   allowed in part  another command of the shell      policy_violation "Tool execution denied by policy."
 *   allowed          a command that redirects          unhandled_exception "… requires user confirmation, …"
 */

const ASKS =
  /^(?:run_shell_command|write_file|replace|web_fetch|google_web_search|save_memory|activate_skill|exit_plan_mode|mcp_.+)$/;

export function refusedTool(tool: string, error: { readonly type: string; readonly message: string }): boolean {
  if (error.type === 'policy_violation' || /requires user confirmation/.test(error.message)) return true;
  return error.type === 'tool_not_registered' && ASKS.test(tool);
}
