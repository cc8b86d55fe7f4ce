import { StringDecoder } from 'node:string_decoder';

const ALONE_MS = 30; // an Escape that nothing follows is the key
const PASTE = ['\x1b[200~', '\x1b[201~'];
const KEYS = {
  '\r': 'enter',
  '\n': 'newline',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\t': 'tab',
  '\x03': 'ctrl-c',
  '\x04': 'ctrl-d',
  '\x15': 'ctrl-u',
  '\x1b\r': 'newline',
  '\x1b[A': 'up',
  '\x1b[B': 'down',
};

/** Turns what a terminal sends into `{key}`, `{text}` (one burst) and `{paste}`. */
export class Keyboard {
  #decoder = new StringDecoder('utf8');
  #rest = '';
  #timer;

  constructor(press) {
    this.press = press;
  }

  feed(bytes) {
    clearTimeout(this.#timer);
    this.#rest += this.#decoder.write(bytes);
    while (this.#rest !== '' && this.#take());
    if (this.#rest === '\x1b') this.#timer = setTimeout(() => this.#escape(), ALONE_MS);
  }

  #escape() {
    this.#rest = '';
    this.press({ key: 'escape' });
  }

  /** Whether something could be taken. */
  #take() {
    const [begin, end] = PASTE;
    if (this.#rest.startsWith(begin)) {
      const at = this.#rest.indexOf(end);
      if (at < 0) return false;
      const paste = this.#rest.slice(begin.length, at).replaceAll('\r\n', '\n').replaceAll('\r', '\n');
      return this.#took(at + end.length, { paste });
    }
    if (this.#rest.startsWith('\x1b')) return this.#takeSequence();
    const key = KEYS[this.#rest[0]];
    if (key) return this.#took(1, { key });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal sends
    const [text] = /^[^\x00-\x1f\x7f]+/.exec(this.#rest) ?? [''];
    return text === '' ? this.#took(1) : this.#took(text.length, { text });
  }

  #takeSequence() {
    const known = Object.keys(KEYS).find((one) => one.length > 1 && this.#rest.startsWith(one));
    if (known) return this.#took(known.length, { key: KEYS[known] });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal sends
    const other = /^\x1b(?:\[[0-9;?<>=]*[@-~]|O[@-~]|[^[O\x1b])/.exec(this.#rest);
    if (other) return this.#took(other[0].length);
    if (this.#rest.startsWith('\x1b\x1b')) return this.#took(1, { key: 'escape' });
    return false;
  }

  #took(length, event) {
    this.#rest = this.#rest.slice(length);
    if (event) this.press(event);
    return true;
  }
}
