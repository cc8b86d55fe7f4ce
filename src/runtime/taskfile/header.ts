import matter from 'gray-matter';
import { type Refusal, refuse } from '../model/refusal.ts';
import { splitFrontMatter } from './split.ts';
import { type Fields, HeaderError, readYaml } from './yaml.ts';

export interface Header {
  /** False where the file has no front matter at all. */
  readonly given: boolean;
  readonly fields: Fields;
  readonly body: string;
}

const MAX_HEADER_CHARS = 1_048_576;
/** gray-matter looks for comments with a regular expression that is quadratic in empty lines: 60,000 of them took 3 s. */
const MAX_EMPTY_LINES = 256;

const refuseEngine = (name: string) => ({
  parse: (): object => {
    throw new HeaderError(`the language ${name} is not allowed, only YAML is`);
  },
});

/** Always passed: without options gray-matter shares cached data between calls and evaluates `---js`. */
const OPTIONS = {
  language: 'yaml',
  engines: {
    yaml: { parse: readYaml as (source: string) => object },
    javascript: refuseEngine('javascript'),
    js: refuseEngine('js'),
    coffee: refuseEngine('coffee'),
    json: refuseEngine('json'),
    toml: refuseEngine('toml'),
  },
};

/** The one place where front matter is read. Nothing in it is evaluated; whatever is wrong with it is a refusal. */
export function readHeader(text: string): Header | Refusal {
  const split = splitFrontMatter(text);
  if ('refused' in split) return split;
  if (split.header === undefined) return { given: false, fields: new Map(), body: split.body };
  try {
    checkBounds(split.header);
    const data: unknown = matter(`---\n${split.header.replace(/\r\n?/g, '\n')}---\n`, OPTIONS).data;
    return { given: true, fields: data instanceof Map ? data : new Map(), body: split.body };
  } catch (error) {
    return refuseHeader(error);
  }
}

function checkBounds(header: string): void {
  if (header.length > MAX_HEADER_CHARS) throw new HeaderError(`it is longer than ${MAX_HEADER_CHARS} characters`);
  let empty = 0;
  for (const char of header) {
    if (/[\n\r\u2028\u2029]/.test(char)) empty++;
    else if (char.trim() !== '') empty = 0;
    if (empty > MAX_EMPTY_LINES) throw new HeaderError(`it has more than ${MAX_EMPTY_LINES} empty lines in a row`);
  }
}

function refuseHeader(error: unknown): Refusal {
  const known = error instanceof HeaderError || error instanceof RangeError;
  if (!known) throw error;
  const hint = 'Mend the front matter and drop the file again; keys are described under "Front matter" in the README.';
  return refuse('invalid', `front matter: ${error.message}`, hint);
}
