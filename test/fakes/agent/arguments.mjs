/** How many values an option takes; `many` takes all up to the next option, a prompt among them. */
const OPTIONS = {
  '--session-id': 'one',
  '--resume': 'maybe',
  '-r': 'maybe',
  '--settings': 'one',
  '--setting-sources': 'one',
  '--model': 'one',
  '--effort': 'one',
  '--permission-mode': 'one',
  '--name': 'one',
  '-n': 'one',
  '--append-system-prompt': 'one',
  '--system-prompt': 'one',
  '--max-budget-usd': 'one',
  '--max-turns': 'one',
  '--json-schema': 'one',
  '--output-format': 'one',
  '--input-format': 'one',
  '--permission-prompt-tool': 'one',
  '--print': 'none',
  '-p': 'none',
  '--replay-user-messages': 'none',
  '--allowedTools': 'many',
  '--allowed-tools': 'many',
  '--disallowedTools': 'many',
  '--disallowed-tools': 'many',
  '--add-dir': 'many',
  '--mcp-config': 'many',
  '--strict-mcp-config': 'none',
  '--dangerously-skip-permissions': 'none',
  '--fork-session': 'none',
  '--verbose': 'none',
  '--version': 'none',
};
const MODES = ['acceptEdits', 'auto', 'bypassPermissions', 'default', 'manual', 'dontAsk', 'plan'];

/** What was asked for, or `{ wrong }`: what the real program says before it ends with 1. */
export function argumentsOf(argv) {
  const given = new Map();
  const words = [];
  for (let i = 0; i < argv.length; i++) {
    const [name, inline] = splitOption(argv[i]);
    if (argv[i] === '--') {
      words.push(...argv.slice(i + 1));
      break;
    }
    if (!name.startsWith('-') || name === '-') {
      words.push(argv[i]);
      continue;
    }
    const takes = OPTIONS[name];
    if (takes === undefined) return { wrong: `error: unknown option '${name}'` };
    const values = given.get(name) ?? [];
    given.set(name, values);
    if (inline !== undefined) values.push(inline);
    else if (takes === 'one') {
      if (i + 1 >= argv.length) return { wrong: `error: option '${name} <value>' argument missing` };
      values.push(argv[++i]);
    } else if (takes === 'many') while (isValue(argv[i + 1])) values.push(argv[++i]);
    else if (takes === 'maybe' && isValue(argv[i + 1])) values.push(argv[++i]);
  }
  return checked(given, words);
}

function splitOption(word) {
  const at = word.startsWith('--') ? word.indexOf('=') : -1;
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

function isValue(word) {
  return word !== undefined && !word.startsWith('-');
}

function checked(given, words) {
  const one = (...names) => names.flatMap((name) => given.get(name) ?? []).at(-1);
  const many = (...names) => names.flatMap((name) => given.get(name) ?? []).flatMap(toolNames);
  const id = one('--session-id');
  if (id !== undefined && !/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(id))
    return { wrong: 'Error: Invalid session ID. Must be a valid UUID.' };
  const skip = given.has('--dangerously-skip-permissions');
  const mode = one('--permission-mode');
  if (mode !== undefined && !MODES.includes(mode))
    return {
      wrong: `error: option '--permission-mode <mode>' argument '${mode}' is invalid. Allowed choices are ${MODES.join(', ')}.`,
    };
  const schema = one('--json-schema');
  if (schema !== undefined && !isSchema(schema)) return { wrong: 'Error: --json-schema is not a valid JSON Schema' };
  if (words.length > 1) return { wrong: `error: too many arguments. Expected 1 argument but got ${words.length}.` };
  const print = given.has('-p') || given.has('--print');
  return {
    print,
    output: one('--output-format') ?? 'text',
    input: one('--input-format') ?? 'text',
    verbose: given.has('--verbose'),
    promptTool: one('--permission-prompt-tool'),
    replay: given.has('--replay-user-messages'),
    maxTurns: Number(one('--max-turns') ?? Number.POSITIVE_INFINITY),
    maxBudget: Number(one('--max-budget-usd') ?? Number.POSITIVE_INFINITY),
    schema: schema && JSON.parse(schema),
    version: given.has('--version'),
    id,
    resume: one('--resume', '-r'),
    settings: one('--settings'),
    model: one('--model') ?? 'claude-opus-5-5',
    mode: skip ? 'bypassPermissions' : mode === 'manual' ? 'default' : (mode ?? (print ? 'default' : 'auto')),
    name: one('--name', '-n'),
    allowed: many('--allowedTools', '--allowed-tools'),
    disallowed: many('--disallowedTools', '--disallowed-tools'),
    prompt: words[0] || undefined,
  };
}

function isSchema(text) {
  try {
    const { type } = JSON.parse(text);
    return type === undefined || ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'].includes(type);
  } catch {
    return false;
  }
}

/** `Bash(git log:*),Write Read`: commas and blanks part names, but not inside parentheses. */
function toolNames(text) {
  return text.match(/[^\s,(]+(?:\([^)]*\))?/g) ?? [];
}
