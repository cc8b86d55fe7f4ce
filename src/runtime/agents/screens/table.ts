import type { ScreenReading } from '../agent.ts';

/*
 * What the screens of the agents look like, each as it was seen on its date and version. A screen is evidence only where
 * hooks, live state and transcript say nothing, and a hint of what an Enter would do. What is not in here is `unknown`.
 */

export interface ScreenPatterns {
  readonly version: string;
  readonly seen: string;
  readonly box: BoxPatterns;
  /** One of them stands below the box or is its bottom, or it is none that takes a prompt. */
  readonly feet: readonly RegExp[];
  /** Below the box, or right above it, while it works. */
  readonly busy: readonly RegExp[];
  /** Close to the box, these make an Enter or a digit mean something else. */
  readonly traps: readonly RegExp[];
  /** What an empty box shows in grey. */
  readonly placeholders: readonly RegExp[];
  /** The first whose lines are all on the screen, where no box is. */
  readonly dialogs: readonly DialogPattern[];
  readonly errors: readonly RegExp[];
}

export interface BoxPatterns {
  /** The line above the box. */
  readonly top: RegExp;
  /** Its first line; its one or the other group is what stands in it. */
  readonly first: RegExp;
  readonly further: RegExp;
  /** The line below the box. */
  readonly bottom: RegExp;
}

type Dialog = Extract<ScreenReading, { kind: 'dialog' }>;

export interface DialogPattern {
  /** Among the last lines. */
  readonly end: RegExp;
  readonly also?: RegExp;
  readonly what: string;
  readonly blocked: Dialog['blocked'];
}

const CONFIRM = /^\s*Enter to confirm · Esc to cancel/;

export const CLAUDE_SCREENS: ScreenPatterns = {
  version: '2.1.329',
  seen: '2026-11-21',
  box: {
    top: /^─{10,}( .{1,80} ─+)?$/, // a session's name stands in it
    first: /^(?:❯(?:\u00a0|$)(?=(.*))|(?=(!.*)))/, // what was said before stands behind ❯ and a plain blank; ! is a shell
    further: /^(?: {2}(.*))?$/,
    bottom: /^─{10,}$/,
  },
  feet: [
    /^\s*(?:⏵⏵|⏸) .{0,40}\bon\b/, // ⏵⏵ accept edits on, ⏸ manual mode on
    /^\s*paste again to expand/,
    /^\s*Press Ctrl-C again to exit/,
    /^\s*\? for shortcuts/,
    /^\s*! for shell mode/,
  ],
  busy: [/\besc to interrupt\b/, /^[·✢✳✶✻✽*] \S+…(?: \(.*\))?$/u],
  traps: [/\bHow is Claude doing this session\b/, /-- (?:NORMAL|VISUAL)/, /^\s*(?:Enter to|↑\/↓ to)\b/],
  placeholders: [
    /^Press up to edit queued messages$/,
    /^Resend your message to try again$/,
    /^Once fixed, resend your message$/,
    /^Run \/rewind to go back$/,
    /^Try "[^"]*"$/,
  ],
  dialogs: [
    { end: /^\s*Esc to cancel · Tab to amend/, what: 'a tool asks for permission', blocked: 'permission' },
    { end: /^\s*Enter to select · .*Esc to cancel/, what: 'the agent asks a question', blocked: 'question' },
    {
      end: /^\s*(?:❯ )?\d\. No, and tell Claude what to do/,
      what: 'a tool asks for permission',
      blocked: 'permission',
    },
    {
      end: /^\s*Esc to cancel$/,
      also: /^\s*Do you want to /,
      what: 'a tool asks for permission',
      blocked: 'permission',
    },
    { end: /^\s*(?:❯ )?\d\. No\b/, also: /exit plan mode/i, what: 'a plan asks for approval', blocked: 'permission' },
    {
      end: /^\s*(?:❯ )?\d\. Cancel$/,
      also: /^Review your answers/,
      what: 'the answers are not sent',
      blocked: 'question',
    },
    { end: CONFIRM, also: /Accessing workspace:/, what: 'trust of the folder', blocked: 'dialog' },
    { end: CONFIRM, also: /Detected a custom API key/, what: 'the use of an API key', blocked: 'login' },
    { end: CONFIRM, also: /Bypass Permissions mode/, what: 'the warning of bypassPermissions', blocked: 'dialog' },
    { end: CONFIRM, also: /New MCP servers? found/, what: 'MCP servers of the project', blocked: 'dialog' },
    {
      end: CONFIRM,
      also: /was skipped|Settings (?:Error|Warning)/i,
      what: 'a mistake in the settings',
      blocked: 'dialog',
    },
    {
      end: /^\s*Esc to cancel · .*navigate/,
      also: /requests your input/,
      what: 'an MCP server asks',
      blocked: 'dialog',
    },
    { end: /Select login method|Paste code here if prompted|Login method/, what: 'login', blocked: 'login' },
    { end: /^(?!.*Continuing automatically).*\bEsc to (?:cancel|close|exit)\b/, what: 'a dialog', blocked: 'dialog' },
    { end: /^\s*Press Enter to continue/, what: 'the first start', blocked: 'dialog' },
  ],
  errors: [
    /^\s*Unable to connect to Anthropic services/,
    /cannot be used with root\/sudo privileges/,
    /^\s*No conversation found\b/,
    /\bSession ID \S+ is already in use\b/,
    /^\s*error: unknown option\b/,
    /^\s*Error: Settings file not found/,
    /^Pane is dead \(/,
  ],
};

export const CODEX_SCREENS: ScreenPatterns = {
  version: '0.169.0',
  seen: '2026-11-21',
  box: {
    top: /^$/,
    first: /^› (.*)$/, // as does what was said before, but that has something else below it
    further: /^(?: {2}(.*))?$/,
    bottom: /^ {2}\S+ \S+ · [~/]/, // model, effort and folder
  },
  feet: [/^ {2}\S+ \S+ · [~/]/],
  busy: [/^[•◦] .{1,60} \(.{0,20}\besc to interrupt\)/],
  traps: [/\benter (?:continue|open|to)\b/i],
  placeholders: [/^Ask Codex to do anything$/],
  dialogs: [
    {
      end: /^\s*enter continue · esc back/,
      also: /Trust this folder\?/,
      what: 'trust of the folder',
      blocked: 'dialog',
    },
    { end: /^\s*enter continue · esc back/, what: 'a dialog', blocked: 'dialog' },
    {
      end: /^\s*Press enter to confirm or esc to cancel/,
      also: /^\s*Would you like to /,
      what: 'a tool asks for permission',
      blocked: 'permission',
    },
    { end: /^\s*enter confirm · esc skip/, also: /Hooks need review/, what: 'trust of hooks', blocked: 'dialog' },
    { end: /^\s*Press enter to continue/, also: /\bSign in with\b/, what: 'login', blocked: 'login' },
    { end: /^\s*(?:Press )?enter (?:to )?(?:confirm|continue)\b/i, what: 'a dialog', blocked: 'dialog' },
  ],
  errors: [/^error: (?:invalid value|unexpected argument)/, /^Pane is dead \(/],
};

export const GEMINI_SCREENS: ScreenPatterns = {
  version: '0.61.0',
  seen: '2026-11-21',
  box: {
    top: /^(?:▄{10,})?$/, // half blocks where the terminal has all colours
    first: /^ [>*] (.*)$/, // * where everything is allowed
    further: /^(?:▀{10,}| {3}(.*))?$/,
    bottom: /^ workspace \(\/directory\) /,
  },
  feet: [/^ workspace \(\/directory\) /],
  busy: [/^ \S .{1,60} \(esc to cancel, \d+/, /^\s+Executing Hooks?: /],
  traps: [],
  placeholders: [/^\s*Type your message or @path\/to\/file$/],
  dialogs: [
    { end: /^│\s+(?:● )?\d\. No, suggest changes \(esc\)/, what: 'a tool asks for permission', blocked: 'permission' },
    { end: /^│ Enter to select · .*Esc to cancel/, what: 'the agent asks a question', blocked: 'question' },
    { end: /^ ?│\s+(?:● )?\d\. Disable loop detection/, what: 'whether to go on in a loop', blocked: 'dialog' },
    { end: /^│\s+https:\/\/\S+\/tos-privacy/, also: /like to authenticate/, what: 'login', blocked: 'login' },
    { end: /^ ?│\s+(?:● )?\d\. Don't trust/, what: 'trust of the folder', blocked: 'dialog' },
  ],
  errors: [/^Pane is dead \(/],
};
