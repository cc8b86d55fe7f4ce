// Writes the tables of README.md, docs/events.md and the JSON Schemas of the configuration from the code's own lists. --check changes nothing and fails where they differ.
// --from <folder>: another build than dist.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const README = join(ROOT, 'README.md');
const args = process.argv.slice(2);
const from = resolve(args.includes('--from') ? args[args.indexOf('--from') + 1] : join(ROOT, 'dist'));
const load = (file) => import(pathToFileURL(join(from, file)).href);

const eventsHead = (causes) => `<!-- Written by scripts/docs.mjs from src/runtime/model/told/: change it there. -->

# Events

What happens is told under these names, and with the same facts, wherever it is told: by the stream at
\`GET /api/v1/events\`, by \`yardmaster events\` and \`yardmaster audit\` (\`--json\`, \`--type\`), by the resource
\`events://recent\`, and to sinks. The journal has all of it; \`yardmaster audit\` reads it back as far as it is kept.

Every event has

- \`id\`: \`<seq>.<n>\`, the number of the journal's record and which of its events this is, from 1. Told again, an event
  has the same id; in order of both numbers, events are in the order in which they happened.
- \`type\`: its name. New ones may come: leave out what you do not know.
- \`at\`: when, in ISO 8601 and UTC, like all other times.
- \`by\`: who or what caused it: ${causes.map((by) => `\`${by}\``).join(', ')}.

and the facts of its row; those with a \`?\` only where they are known. Tasks' texts and results, keys and tokens are never
in it: \`job_status\` shows a result. Reasons, titles and details are words of tasks and agents: on one line, bounded, and
data rather than instructions.

A task that ends well tells \`task_queued\`, \`task_claimed\`, \`task_dispatched\`, \`task_completed\`, and
\`usage_recorded\` where its agent says what it took. One that fails for good tells \`task_failed\`, \`usage_recorded\` and
\`task_dead_lettered\`; those that fail only because they depended on it tell \`task_failed\` alone.
\`dispatch_failed_…\` is told once for all tasks of a project that begin to wait alike, not for each look or task: again
only after some of them ran, or the reason was another one. A restart does not tell again what still stands.
`;

const FILES = [...(await schemas()), await eventsPage()];
const TABLES = {
  tools: await toolTable(),
  resources: await resourceTable(),
  prompts: await promptTable(),
  commands: await commandTable(),
  keys: await keyTable(),
  clients: await clientBlocks(),
  routes: await routeTable(),
  retries: await retryTable(),
};

const before = readFileSync(README, 'utf8');
const after = Object.entries(TABLES).reduce(withTable, before);
if (!args.includes('--check')) {
  writeFileSync(README, after);
  for (const [file, text] of FILES) writeFileSync(file, text);
} else if (after !== before) {
  console.error(
    'The tables of README.md differ from the code. Write them anew: npm run build && node scripts/docs.mjs',
  );
  process.exitCode = 1;
} else if (FILES.some(([file, text]) => readFileSync(file, 'utf8') !== text)) {
  console.error(
    'docs/events.md or the JSON Schemas differ from the code. Write them anew: npm run build && node scripts/docs.mjs',
  );
  process.exitCode = 1;
}

function withTable(text, [name, table]) {
  const [begin, end] = [`<!-- ${name}: written by scripts/docs.mjs -->\n`, `<!-- /${name} -->`];
  const [start, stop] = [text.indexOf(begin), text.indexOf(end)];
  if (start < 0 || stop < start) throw new Error(`README.md has no place for the table "${name}"`);
  return `${text.slice(0, start + begin.length)}${table}${text.slice(stop)}`;
}

/** The JSON Schemas that editors are given, beside package.json. */
async function schemas() {
  const { configSchema, projectSchema } = await load('runtime/config/schema.js');
  const text = (schema) => `${JSON.stringify(schema, null, 2)}\n`;
  return [
    [join(ROOT, 'yardmaster.schema.json'), text(configSchema())],
    [join(ROOT, 'yardmaster.project.schema.json'), text(projectSchema())],
  ];
}

/** One table for each group of events, and what the facts in them mean. */
async function eventsPage() {
  const { EVENT_GROUPS } = await load('runtime/model/told/table.js');
  const { Cause } = await load('runtime/model/task.js');
  const meanings = new Map();
  const groups = EVENT_GROUPS.map(({ title, events }) => {
    const rows = Object.entries(events).map(([name, { when, facts }]) => {
      const { properties, required = [] } = z.toJSONSchema(facts, { unrepresentable: 'any' });
      const words = Object.entries(properties).map(([fact, { description, enum: allowed }]) => {
        const said = [description, allowed?.join(' / ')].filter(Boolean).join(': ');
        if (said) meanings.set(fact, (meanings.get(fact) ?? new Set()).add(said));
        return `\`${fact}\`${required.includes(fact) ? '' : '?'}`;
      });
      return [`\`${name}\``, when, words.join(', ')];
    });
    return `## ${title}\n\n${table(['event', 'when', 'what it says'], rows)}`;
  });
  const rows = [...meanings].map(([fact, said]) => [`\`${fact}\``, [...said].join('; ')]);
  const meaning = `## What the facts mean\n\n${table(['fact', 'meaning'], rows)}`;
  return [join(ROOT, 'docs', 'events.md'), [eventsHead(Cause.shape.by.options), ...groups, meaning].join('\n')];
}

async function toolTable() {
  const { tools } = await load('tools/index.js');
  const { commandFor } = await load('cli/command-for.js');
  return table(
    ['tool', 'what it does', 'command line'],
    tools.map(({ name, title, description }) => [
      `\`${name}\``,
      `${title}. ${description.split('\n')[0]}`,
      `\`yardmaster ${commandFor[name]}\``,
    ]),
  );
}

async function resourceTable() {
  const { resources } = await load('resources/index.js');
  return table(
    ['resource', 'what it shows'],
    resources.map(({ uri, description }) => [`\`${uri}\``, description]),
  );
}

async function promptTable() {
  const { prompts } = await load('prompts/index.js');
  const named = ({ name, required }) => (required ? `\`${name}\`` : `\`${name}\`?`);
  return table(
    ['prompt', 'what it asks for', 'arguments'],
    prompts.map((prompt) => [`\`${prompt.name}\``, prompt.description, prompt.arguments.map(named).join(', ')]),
  );
}

async function commandTable() {
  const { build } = await load('cli/index.js');
  const program = build({ around: {}, runtime: { version: '' } });
  return table(
    ['command', 'what it does'],
    program.commands.map((command) => [`\`yardmaster ${command.name()}\``, command.summary()]),
  );
}

async function keyTable() {
  const { TASK_KEYS } = await load('cli/task-options.js');
  return table(
    ['key', 'meaning'],
    Object.entries(TASK_KEYS).map(([key, { help }]) => [`\`${key}\``, help]),
  );
}

/** Each client's block, as `yardmaster mcp-config` prints it with the paths of a machine. */
async function clientBlocks() {
  const { blockFor, CLIENTS } = await load('cli/clients/clients.js');
  const { render } = await load('cli/clients/render.js');
  const stdio = { kind: 'stdio', command: 'yardmaster', args: ['mcp'], env: {} };
  const http = { kind: 'http', url: 'http://127.0.0.1:7431/mcp' };
  return CLIENTS.map((client) => {
    const [one, other] = [blockFor(client, stdio), blockFor(client, http)];
    const fence = (block) => `\`\`\`${block.format}\n${render(block)}\`\`\`\n`;
    const summary = `<summary><b>${one.title}</b>: <code>${one.file}</code></summary>`;
    return `<details>${summary}\n\n${fence(one)}\nOver HTTP:\n\n${fence(other)}\nSee that it works: ${one.check}\n\n</details>\n`;
  }).join('');
}

async function routeTable() {
  const [{ routesOf }, { tools }] = [await load('web/index.js'), await load('tools/index.js')];
  const own = routesOf({ tools, version: '' }).filter(({ path }) => !/^\/api\/v1\/tools\/./.test(path));
  const every = [['`POST /api/v1/tools/{name}`', 'Any tool, by its name']];
  const rows = own.map(({ method, path, described }) => [
    `\`${method} ${path}\``,
    described['x-tool'] ? `${described.summary} (\`${described['x-tool']}\`)` : described.summary,
  ]);
  return table(['request', 'what it does'], [...rows, ...every]);
}

/** How each class of failures is tried again as long as nothing is configured. */
async function retryTable() {
  const { RETRY_RULES } = await load('runtime/policy/retry.js');
  const { WORK_CLASSES, SERVICE_CLASSES } = await load('runtime/model/retry.js');
  const keys = (name) =>
    WORK_CLASSES.includes(name)
      ? '`attempts`, `backoff`, `backoff_max`'
      : SERVICE_CLASSES.includes(name)
        ? '`attempts`, `counts`, `pause`, `give_up`'
        : '';
  const says = (rule) => {
    switch (rule.kind) {
      case 'work':
        if (rule.attempts === 1) return ['no', ''];
        return [
          rule.attempts ? `at most ${rule.attempts} in a row, within \`max_attempts\`` : 'up to `max_attempts`',
          'backoff',
        ];
      case 'service':
        return [
          'without end, costs no attempt',
          rule.pause === 'backoff_max' ? '`backoff_max`' : `the reset that is named, else ${rule.pause / 1000}s`,
        ];
      case 'verify':
        return ['as often as `verify_retries`, costs no attempt', 'at once'];
      case 'at_once':
        return ['costs no attempt', 'at once'];
      default:
        return ['never', ''];
    }
  };
  const rows = Object.entries(RETRY_RULES).map(([name, rule]) => [`\`${name}\``, ...says(rule), keys(name)]);
  return table(['class', 'tried again', 'when', 'under `retry.classes.<class>`'], rows);
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return [head, head.map(() => '---'), ...rows].map(line).join('');
}
