// Writes the tables of README.md and the JSON Schemas of the configuration from the code's own lists. --check changes nothing and fails where they differ.
// --from <folder>: another build than dist.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const README = join(ROOT, 'README.md');
const args = process.argv.slice(2);
const from = resolve(args.includes('--from') ? args[args.indexOf('--from') + 1] : join(ROOT, 'dist'));
const load = (file) => import(pathToFileURL(join(from, file)).href);

const SCHEMAS = await schemas();
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
  for (const [file, text] of SCHEMAS) writeFileSync(file, text);
} else if (after !== before) {
  console.error(
    'The tables of README.md differ from the code. Write them anew: npm run build && node scripts/docs.mjs',
  );
  process.exitCode = 1;
} else if (SCHEMAS.some(([file, text]) => readFileSync(file, 'utf8') !== text)) {
  console.error('The JSON Schemas differ from the code. Write them anew: npm run build && node scripts/docs.mjs');
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
