const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;
export type Colour = keyof typeof CODES;
export type Paint = (colour: Colour, text: string) => string;

/** Colours where they are wanted, else the text as it is. */
export function painter(colours: boolean): Paint {
  if (!colours) return (_, text) => text;
  return (colour, text) => {
    const [on, off] = CODES[colour];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}

const STATES: Readonly<Record<string, Colour>> = {
  done: 'green',
  failed: 'red',
  cancelled: 'dim',
  running: 'cyan',
  claimed: 'cyan',
  unknown: 'yellow',
  // sessions
  blocked: 'yellow',
  dead: 'red',
  foreign: 'yellow',
  working: 'cyan',
  starting: 'cyan',
  occupied: 'cyan',
  cooling: 'yellow',
  draining: 'dim',
  idle: 'green',
  absent: 'dim',
  // accounts
  paused: 'yellow',
  ready: 'green',
  in_use: 'cyan',
};

export function paintState(paint: Paint, state: string): string {
  const colour = STATES[state];
  return colour ? paint(colour, state) : state;
}
