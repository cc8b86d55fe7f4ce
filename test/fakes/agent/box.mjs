import { randomBytes } from 'node:crypto';

const BURST = 800; // what comes at once and is longer counts as pasted
const LINES = 4;

/** The input box: what stands in it, and what a person would see of it. */
export class Box {
  text = '';
  #pastes = new Map();

  get empty() {
    return this.text.trim() === '';
  }

  type(text) {
    if (text.length > BURST) this.#placeholder(text);
    else this.text += text;
  }

  paste(text) {
    const clean = text.replaceAll('\t', '    ');
    if (clean.length > BURST || clean.split('\n').length >= LINES) this.#placeholder(clean);
    else this.text += clean;
  }

  backspace() {
    const [placeholder] = /\[Pasted text #\d+(?: \+\d+ lines)?\]$/.exec(this.text) ?? [];
    const gone = this.#pastes.has(placeholder) ? placeholder.length : 1;
    this.text = this.text.slice(0, -gone);
  }

  clear() {
    this.text = '';
    this.#pastes.clear();
  }

  /** Empties it; the prompt as hooks and model get it. */
  take() {
    let text = this.text.trimEnd();
    for (const [placeholder, pasted] of this.#pastes) {
      const tag = `pasted_content id="${randomBytes(2).toString('hex')}"`;
      text = text.replace(placeholder, () => `\n\n<${tag}>\n${pasted}\n</${tag}>\n`);
    }
    this.clear();
    return text;
  }

  #placeholder(text) {
    const more = text.split('\n').length - 1;
    const placeholder = `[Pasted text #${this.#pastes.size + 1}${more > 0 ? ` +${more} lines` : ''}]`;
    this.#pastes.set(placeholder, text);
    this.text += placeholder;
  }
}
