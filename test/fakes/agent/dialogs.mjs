import { basename } from 'node:path';

/*
 * Whatever takes the place of the input box. Keys choose; pasted text is lost, and an Enter that follows takes what is
 * selected.
 */

export class Dialog {
  #done;

  /** `options` are the lines to choose from; `chosen` says what a choice means, by its number. */
  constructor({ head, options, numbered, selected = 0, foot, cancel, chosen }) {
    Object.assign(this, { head, options, numbered, selected, foot, cancel, chosen });
    this.answer = new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  close(answer) {
    this.#done(answer);
  }

  press({ key, text = '' }) {
    if (key === 'up') this.selected = Math.max(0, this.selected - 1);
    if (key === 'down') this.selected = Math.min(this.options.length - 1, this.selected + 1);
    if (key === 'enter') this.close(this.chosen(this.selected));
    if (key === 'escape' || key === 'ctrl-c') this.close(this.cancel);
    for (const letter of this.numbered ? text : '')
      if (letter >= '1' && Number(letter) <= this.options.length) return this.close(this.chosen(Number(letter) - 1));
  }

  lines(columns) {
    const options = this.options.map(
      (option, i) => ` ${i === this.selected ? '❯' : ' '} ${this.numbered ? `${i + 1}. ` : ''}${option}`,
    );
    return ['─'.repeat(columns), ...this.head(columns), ...options, '', ` ${this.foot}`];
  }
}

const CONFIRM = 'Enter to confirm · Esc to cancel';

export function trustDialog(cwd) {
  const safety =
    ' Quick safety check: Is this a project you created or one you trust? (Like your own code, a well-known open source';
  return new Dialog({
    head: () => [
      ' Accessing workspace:',
      '',
      ` ${cwd}`,
      '',
      safety,
      " project, or work from your team). If not, take a moment to review what's in this folder first.",
      '',
      " Claude Code'll be able to read, edit, and execute files here.",
      '',
    ],
    options: ['No, exit', 'Yes, I trust this folder'],
    foot: CONFIRM,
    cancel: false,
    chosen: (which) => which === 1,
  });
}

export function keyDialog(key) {
  return new Dialog({
    head: () => [
      '  Detected a custom API key in your environment',
      '',
      `  ANTHROPIC_API_KEY: sk-ant-...${key.slice(-20)}`,
      '',
      '  Do you want to use this API key?',
      '',
    ],
    options: ['Yes', 'No (recommended)'],
    selected: 1,
    foot: CONFIRM,
    cancel: false,
    chosen: (which) => which === 0,
  });
}

export function bypassDialog() {
  return new Dialog({
    head: () => [
      '  WARNING: Claude Code running in Bypass Permissions mode',
      '',
      '  By proceeding, you accept all responsibility for actions taken while running in Bypass Permissions mode.',
      '',
    ],
    options: ['No, exit', 'Yes, I accept'],
    foot: CONFIRM,
    cancel: false,
    chosen: (which) => which === 1,
  });
}

/** Its answer: `once`, `always`, a mode to go on in, or `refused`. */
export function permissionDialog(tool, input, cwd) {
  const dotted = (columns) => '╌'.repeat(columns);
  const file = basename(input.file_path ?? '');
  const write = tool === 'Write';
  return new Dialog({
    head: (columns) => [
      write ? ' Create file' : ' Bash command',
      write ? ` ${file}` : ` ${input.description}`,
      dotted(columns),
      ...`${write ? input.content : input.command}`.split('\n').map((line) => ` ${line}`),
      dotted(columns),
      write ? ` Do you want to create ${file}?` : ' Do you want to proceed?',
    ],
    options: write
      ? ['Yes', 'Yes, and switch to accept edits (auto-approve file edits) for this session (shift+tab)', 'No']
      : ['Yes', `Yes, and always allow access to ${cwd} from this project`, 'Yes, and switch to auto mode', 'No'],
    numbered: true,
    foot: 'Esc to cancel · Tab to amend',
    cancel: 'refused',
    chosen: (which) =>
      (write ? ['once', 'acceptEdits', 'refused'] : ['once', 'always', 'auto', 'refused'])[which] ?? 'refused',
  });
}

/** Its answer: the label that was chosen, or `undefined`. */
export function questionDialog({ question, header, options }) {
  const labels = options.map(({ label }) => label);
  return new Dialog({
    head: () => [` ☐ ${header}`, '', question, ''],
    options: [...labels, 'Type something.', 'Chat about this'],
    numbered: true,
    foot: 'Enter to select · ↑/↓ to navigate · Esc to cancel',
    cancel: undefined,
    chosen: (which) => labels[which],
  });
}
