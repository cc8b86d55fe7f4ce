/*
 * What the terminal shows: the conversation above, at the bottom either the input box between two rules or a dialog. It
 * is painted when something changes, row by row where a row differs.
 */

const MODES = {
  acceptEdits: '⏵⏵ accept edits on (shift+tab to cycle)',
  auto: '⏵⏵ auto mode on (shift+tab to cycle)',
  bypassPermissions: '⏵⏵ bypass permissions on (shift+tab to cycle)',
  dontAsk: "⏵⏵ don't ask on (shift+tab to cycle)",
  plan: '⏸ plan mode on (shift+tab to cycle)',
  default: '⏸ manual mode on',
};
const GLYPHS = ['·', '✢', '✳', '✶', '✻', '✽'];
const SPIN_MS = 1_000;

export class Screen {
  #rows = [];
  #title = '';
  #spin;
  #frame = 0;
  #soon = false;
  history = [];

  constructor(out, { classic, cwd, name }) {
    this.out = out;
    this.cwd = cwd;
    this.name = name;
    this.classic = classic;
    this.view = undefined;
  }

  open(view) {
    this.view = view;
    this.#write(`${this.classic ? '' : '\x1b[?1049h'}\x1b[?7l\x1b[?2004h\x1b[?25l\x1b[2J`);
    this.out.on('resize', () => {
      this.#rows = [];
      this.#write('\x1b[2J');
      this.paint();
    });
  }

  close(...lines) {
    clearInterval(this.#spin);
    this.#write(`\x1b[?2004l\x1b[?7h\x1b[?25h${this.classic ? '\x1b[2J\x1b[H' : '\x1b[?1049l'}`);
    for (const line of lines) this.#write(`${line}\r\n`);
    this.view = undefined;
  }

  say(...lines) {
    this.history.push(...lines, '');
    this.paint();
  }

  /** Under what was said last. */
  append(...lines) {
    if (this.history.at(-1) === '') this.history.pop();
    this.say(...lines);
  }

  /** Soon: many changes at once are painted once. */
  paint() {
    if (this.#soon) return;
    this.#soon = true;
    setImmediate(() => {
      this.#soon = false;
      if (this.view) this.#paint(this.view());
    });
  }

  #paint(view) {
    const [columns, height] = [this.out.columns || 80, this.out.rows || 24];
    const bottom = view.dialog ? view.dialog.lines(columns) : this.#bottom(view, columns);
    const above = view.bare ? [] : this.#above(columns);
    const room = Math.max(0, height - bottom.length);
    const shown = above.slice(-room);
    const fill = Array(room - shown.length).fill('');
    const rows = view.dialog ? [...shown, ...bottom, ...fill] : [...shown, ...fill, ...bottom];
    this.#update(rows.slice(-height));
    this.#keepSpinning(view);
  }

  #update(rows) {
    let out = '';
    for (const [i, row] of rows.entries()) if (row !== this.#rows[i]) out += `\x1b[${i + 1};1H\x1b[2K${printable(row)}`;
    this.#rows = rows;
    const title = this.view?.().busy ? '◑ Claude Code' : '✳ Claude Code';
    if (title !== this.#title) out += `\x1b]0;${title}\x07`;
    this.#title = title;
    if (out) this.#write(out);
  }

  #above(columns) {
    const head = ['', ' ▐▛███▛█   Claude Code v2.1.329', '▝▜██████▀  Opus 5.5 · API Usage Billing'];
    return [...head, ` ▝▝   ▝▝   ${this.cwd}`, '', '', ...this.history.flatMap((line) => wrapped(line, columns))];
  }

  #bottom({ busy, since, box, hint, mode, notice, footer }, columns) {
    const rule = '─'.repeat(columns);
    const named = this.name ? `${'─'.repeat(Math.max(0, columns - this.name.length - 3))} ${this.name} ─` : rule;
    const state = busy ? ' · esc to interrupt' : '';
    return [
      ...(busy ? [this.#spinner(since)] : []),
      `${' '.repeat(Math.max(0, columns - 20))}◐ medium · /effort`,
      named,
      ...boxed(box === '' ? hint : box, columns),
      rule,
      ...(notice ?? []),
      `  ${footer ?? `${MODES[mode]}${state} · ← for agents`}`,
    ];
  }

  #spinner(since) {
    const seconds = Math.floor((Date.now() - since) / 1_000);
    return `${GLYPHS[this.#frame % GLYPHS.length]} Transfiguring…${seconds > 0 ? ` (${seconds}s · ↓ 49 tokens)` : ''}`;
  }

  #keepSpinning({ busy, still }) {
    if (!busy || still) {
      clearInterval(this.#spin);
      this.#spin = undefined;
    } else
      this.#spin ??= setInterval(() => {
        this.#frame++;
        this.paint();
      }, SPIN_MS);
  }

  #write(text) {
    if (!this.out.destroyed) this.out.write(text);
  }
}

/** The line of a prompt begins with a blank that is none, unlike those of the history. */
function boxed(text, columns) {
  const lines = text.split('\n').flatMap((line) => cut(line, columns - 2));
  return lines.map((line, i) => `${i === 0 ? '❯\u00a0' : '  '}${line}`);
}

function wrapped(line, columns) {
  const [first = '', ...rest] = cut(line, columns - 2);
  return [first, ...rest.map((more) => `  ${more}`)];
}

function cut(line, width) {
  const letters = [...line];
  const pieces = [];
  for (let at = 0; at < letters.length || at === 0; at += width) pieces.push(letters.slice(at, at + width).join(''));
  return pieces;
}

/** Nothing of a prompt or an answer reaches the terminal raw. */
function printable(text) {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ');
}
