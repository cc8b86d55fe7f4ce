import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/*
 * The law of imports: model ← policy, ports ← services ← runtime ← tools, resources ← server, cli, web ← main.
 * Each test names the files that break one sentence of it.
 */

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), '../src');

interface Source {
  /** `runtime/policy/decide.ts` */
  readonly file: string;
  readonly code: string;
  readonly imports: readonly Import[];
}

interface Import {
  /** A path within src for one of ours, else as written. */
  readonly of: string;
  readonly typeOnly: boolean;
  readonly lazy: boolean;
}

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => sourceOf(file.replaceAll('\\', '/'), readFileSync(join(SRC, file), 'utf8')));

function sourceOf(file: string, text: string): Source {
  const code = withoutComments(text);
  const written = [...code.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/gm)].map(
    ([, typeOnly, of = '']) => ({ of: place(file, of), typeOnly: typeOnly !== undefined, lazy: false }),
  );
  const lazy = [...code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)].map(([, of = '']) => ({
    of: place(file, of),
    typeOnly: false,
    lazy: true,
  }));
  return { file, code, imports: [...written, ...lazy] };
}

function place(file: string, of: string): string {
  return of.startsWith('.') ? relative(SRC, resolve(SRC, dirname(file), of)).replaceAll('\\', '/') : of;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/[^\n]*/g, '$1');
}

type Layer =
  | 'model'
  | 'policy'
  | 'ports'
  | 'service'
  | 'io'
  | 'wiring'
  | 'tools'
  | 'server'
  | 'cli'
  | 'web'
  | 'bridge'
  | 'top';

const PORTS = [
  ...[
    'runtime/ports.ts',
    'runtime/session-desk.ts',
    'runtime/terminals.ts',
    'runtime/worker-desk.ts',
    'runtime/worktree-desk.ts',
    'runtime/yard.ts',
  ],
  ...['runtime/agents/agent.ts', 'runtime/sessions/seats.ts'],
];

function layerOf(file: string): Layer {
  if (file.startsWith('runtime/model/')) return 'model';
  if (file.startsWith('runtime/policy/')) return 'policy';
  if (file.startsWith('runtime/io/')) return 'io';
  if (PORTS.includes(file)) return 'ports';
  if (file === 'runtime/runtime.ts') return 'wiring';
  if (file.startsWith('runtime/')) return 'service';
  if (/^(?:tools|resources|prompts)\//.test(file)) return 'tools';
  for (const layer of ['server', 'cli', 'web', 'bridge'] as const) if (file.startsWith(`${layer}/`)) return layer;
  return file === 'bridge.ts' ? 'bridge' : 'top';
}

/** What each layer may name. `top` (main, daemon, home, version …) may name everything. */
const MAY: Readonly<Record<Exclude<Layer, 'top'>, readonly Layer[]>> = {
  model: ['model'],
  policy: ['model', 'policy', 'ports'],
  ports: ['model', 'ports'],
  service: ['model', 'policy', 'ports', 'service'],
  io: ['model', 'policy', 'ports', 'io'],
  wiring: ['model', 'policy', 'ports', 'service', 'io', 'wiring'],
  tools: ['model', 'policy', 'ports', 'service', 'tools'],
  server: ['model', 'policy', 'ports', 'service', 'tools', 'server', 'bridge', 'top'],
  cli: ['model', 'policy', 'ports', 'service', 'tools', 'cli', 'top'],
  web: ['model', 'policy', 'ports', 'service', 'tools', 'server', 'web', 'top'],
  bridge: ['bridge', 'top'],
};

const ours = (of: string): boolean => sources.some(({ file }) => file === of);
const within = (...layers: Layer[]): Source[] => sources.filter(({ file }) => layers.includes(layerOf(file)));

test('imports are seen, however they are written', () => {
  const seen = sourceOf(
    'runtime/policy/x.ts',
    `import fs from 'node:fs';\nimport type { A } from './a.ts';\nimport {\n  b,\n} from "../io/b.ts";\nexport * from '../model/c.ts';
const d = await import('zod'); // import('not this')`,
  );
  expect(seen.imports).toEqual([
    { of: 'node:fs', typeOnly: false, lazy: false },
    { of: 'runtime/policy/a.ts', typeOnly: true, lazy: false },
    { of: 'runtime/io/b.ts', typeOnly: false, lazy: false },
    { of: 'runtime/model/c.ts', typeOnly: false, lazy: false },
    { of: 'zod', typeOnly: false, lazy: true },
  ]);
});

describe('imports', () => {
  test('point one way', () => {
    const broken = sources.flatMap(({ file, imports }) => {
      const layer = layerOf(file);
      if (layer === 'top') return [];
      const foreign = imports.filter(({ of }) => ours(of) && !MAY[layer].includes(layerOf(of)));
      return foreign.map(({ of }) => `${file} (${layer}) imports ${of} (${layerOf(of)})`);
    });
    expect(broken).toEqual([]);
  });

  test('lead to files that exist', () => {
    const lost = sources.flatMap(({ file, imports }) =>
      imports.filter(({ of }) => of.endsWith('.ts') && !ours(of)).map(({ of }) => `${file} imports ${of}`),
    );
    expect(lost).toEqual([]);
  });

  test('of io/ are in the wiring alone', () => {
    const broken = sources
      .filter(({ file }) => !['io', 'wiring'].includes(layerOf(file)))
      .filter(({ imports }) => imports.some(({ of, typeOnly }) => of.startsWith('runtime/io/') && !typeOnly))
      // What runs before there is a runtime takes its lock and its log itself.
      .filter(({ file }) => layerOf(file) !== 'top');
    expect(broken.map(({ file }) => file)).toEqual([]);
  });

  test('of the MCP SDK are in src/server alone', () => {
    const broken = sources.filter(
      ({ file, imports }) =>
        layerOf(file) !== 'server' && imports.some(({ of }) => of.startsWith('@modelcontextprotocol/')),
    );
    expect(broken.map(({ file }) => file)).toEqual([]);
  });

  test('of node: and of packages with effects are not in model, policy and ports', () => {
    const broken = within('model', 'policy', 'ports').flatMap(({ file, imports }) =>
      imports
        .filter(({ of, typeOnly }) => !ours(of) && !typeOnly && !['zod', 'yaml', 'gray-matter'].includes(of))
        .map(({ of }) => `${file} imports ${of}`),
    );
    expect(broken).toEqual([]);
  });

  test('of node: in services are only for what has no effect', () => {
    const pure = [
      'node:path',
      'node:path/posix',
      'node:crypto',
      'node:util',
      'node:buffer',
      'node:events',
      'node:string_decoder',
      'node:zlib',
    ];
    const broken = within('service').flatMap(({ file, imports }) =>
      imports
        .filter(({ of, typeOnly }) => of.startsWith('node:') && !typeOnly && !pure.includes(of))
        .map(({ of }) => `${file} imports ${of}`),
    );
    expect(broken).toEqual([]);
  });

  test('of the bridge are light: node: modules and its own files, all the way down', () => {
    const heavy = reach('bridge.ts').flatMap(({ file, imports }) =>
      imports
        .filter(({ of, typeOnly, lazy }) => !typeOnly && !lazy && !of.startsWith('node:') && !ours(of))
        .map(({ of }) => `${file} imports ${of}`),
    );
    expect(heavy).toEqual([]);
  });

  test('of the command line load no zod before a command runs', () => {
    const heavy = reach('cli/index.ts').flatMap(({ file, imports }) =>
      imports
        .filter(
          ({ of, typeOnly, lazy }) => !typeOnly && !lazy && ['zod', 'yaml', 'execa', 'pino', 'undici'].includes(of),
        )
        .map(({ of }) => `${file} imports ${of}`),
    );
    expect(heavy).toEqual([]);
  });
});

/** The files that are loaded when this one is, without what is loaded later. */
function reach(file: string, seen = new Set<string>()): Source[] {
  const source = sources.find((one) => one.file === file);
  if (source === undefined || seen.has(file)) return [];
  seen.add(file);
  const next = source.imports.filter(({ of, typeOnly, lazy }) => ours(of) && !typeOnly && !lazy);
  return [source, ...next.flatMap(({ of }) => reach(of, seen))];
}

describe('time and chance', () => {
  const FORBIDDEN = [
    /\bDate\.now\b/,
    /\bMath\.random\b/,
    /\bnew Date\(\)/,
    /\bset(?:Timeout|Interval|Immediate)\(/,
    /\brandom(?:UUID|Bytes|Int)\b/,
    /\bperformance\.now\b/,
  ];

  test('reach model, policy and services as ports only', () => {
    const broken = within('model', 'policy', 'ports', 'service', 'wiring').flatMap(({ file, code }) =>
      FORBIDDEN.filter((pattern) => pattern.test(code)).map((pattern) => `${file} uses ${pattern.source}`),
    );
    expect(broken).toEqual([]);
  });

  test('effects of the process are not in model and policy', () => {
    const broken = within('model', 'policy').filter(({ code }) => /\bprocess\.(?!versions)\w/.test(code));
    expect(broken.map(({ file }) => file)).toEqual([]);
  });
});

test('no source says any', () => {
  const said = sources.filter(({ code }) => /(?::|<|\bas)\s*any\b/.test(code));
  expect(said.map(({ file }) => file)).toEqual([]);
});
