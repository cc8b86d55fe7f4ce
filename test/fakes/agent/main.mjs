import { randomUUID } from 'node:crypto';
import { Account, readJson } from './account.mjs';
import { Agent } from './agent.mjs';
import { argumentsOf } from './arguments.mjs';
import { bypassDialog, keyDialog, trustDialog } from './dialogs.mjs';
import { Headless } from './headless.mjs';
import { Hooks } from './hooks.mjs';
import { Keyboard } from './keyboard.mjs';
import { Screen } from './screen.mjs';

const { env, stdin, stdout } = process;

export async function main(argv) {
  const options = argumentsOf(argv);
  if (options.wrong) return refuse(options.wrong);
  if (options.version) return stdout.write('2.1.329 (Claude Code)\n');
  if (!stdin.isTTY && !options.print) return refuse('Without -p this stand-in works in a terminal only.');
  const cwd = process.cwd();
  const account = new Account(env, cwd);
  const place = placeOf(options, account);
  if (place.wrong) return refuse(place.wrong, options);
  if (options.mode === 'bypassPermissions' && process.getuid() === 0 && env.IS_SANDBOX !== '1')
    return refuse('--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons');
  if (options.print) return headless(options, account, cwd, place);
  await new Session(options, account, cwd).run(place);
}

/** Without a terminal nothing is asked first. */
async function headless(options, account, cwd, place) {
  const given = options.settings === undefined ? {} : settingsOf(options.settings);
  if (given === undefined) return refuse(`Error: Settings file not found: ${options.settings}`);
  if (options.output === 'stream-json' && !options.verbose)
    return refuse('Error: When using --print, --output-format=stream-json requires --verbose');
  const hooks = new Hooks([account.userSettings().hooks, given.hooks], { cwd, env });
  await new Headless({ options, account, cwd, hooks, place }).run();
}

/** A conversation that isn't there is also told in the stream. */
function refuse(text, { output, resume } = {}) {
  process.stderr.write(`${text}\n`);
  if (output === 'stream-json' && resume !== undefined)
    stdout.write(
      `${JSON.stringify({ type: 'result', subtype: 'error_during_execution', is_error: true, num_turns: 0, total_cost_usd: 0, permission_denials: [], errors: [text], result_index: 0 })}\n`,
    );
  process.exitCode = 1;
}

/** Which conversation it is, and whether it goes on. */
function placeOf({ id, resume }, account) {
  if (resume !== undefined) {
    const found = account.conversation(resume);
    if (!found) return { wrong: `No conversation found with session ID: ${resume}` };
    return { path: found, id: /([^/]+)\.jsonl$/.exec(found)[1], source: 'resume' };
  }
  if (id !== undefined && account.conversation(id)) return { wrong: `Error: Session ID ${id} is already in use.` };
  const fresh = id ?? randomUUID();
  return { path: account.transcript(fresh), id: fresh, source: 'startup' };
}

/** From the first dialog to the agent at work. */
class Session {
  #dialog;
  #agent;

  constructor(options, account, cwd) {
    Object.assign(this, { options, account, cwd });
    this.given = options.settings === undefined ? {} : (settingsOf(options.settings) ?? {});
    this.settings = { ...account.userSettings(), ...this.given };
    this.screen = new Screen(stdout, { classic: this.settings.tui === 'default', cwd, name: options.name });
  }

  async run(place) {
    this.#listen();
    if (!this.account.said().hasCompletedOnboarding) {
      stdout.write(
        ' Unable to connect to Anthropic services\r\n\r\n Failed to connect to api.anthropic.com: EAI_AGAIN\r\n',
      );
      process.exit(1);
    }
    this.screen.open(() => this.#agent?.view() ?? { dialog: this.#dialog, bare: true });
    await this.#askFirst();
    const hooks = new Hooks([this.account.userSettings().hooks, this.given.hooks], { cwd: this.cwd, env });
    const { options, account, cwd, screen } = this;
    const parts = { options, account, cwd, screen, hooks, transcript: place.path, id: place.id };
    this.#agent = new Agent(parts);
    await this.#agent.start(place.source, options.prompt);
  }

  /** What the person has to accept before anything happens; whoever doesn't leaves. */
  async #askFirst() {
    if (!this.account.trusts) {
      if (!(await this.#ask(trustDialog(this.cwd)))) this.#leave();
      this.account.trust();
    }
    const key = this.account.strangeKey;
    if (key) await this.#ask(keyDialog(key));
    const warn = this.options.mode === 'bypassPermissions' && !this.settings.skipDangerousModePermissionPrompt;
    if (warn && !(await this.#ask(bypassDialog()))) this.#leave();
  }

  async #ask(dialog) {
    this.#dialog = dialog;
    this.screen.paint();
    const answer = await dialog.answer;
    this.#dialog = undefined;
    return answer;
  }

  #leave() {
    this.screen.close();
    process.exit(1);
  }

  /** What comes before anything is shown is lost. */
  #listen() {
    const keyboard = new Keyboard((event) => {
      const to = this.#dialog ?? this.#agent;
      to?.press(event);
      this.screen.paint();
    });
    stdin.setRawMode(true);
    stdin.on('data', (bytes) => keyboard.feed(bytes));
    for (const stream of [stdin, stdout]) stream.on('error', () => this.#hangUp(129));
    stdin.on('end', () => this.#hangUp(129));
    process.on('SIGHUP', () => this.#hangUp(129));
    process.on('SIGTERM', () => this.#hangUp(143));
  }

  #hangUp(code) {
    if (this.#agent?.stubborn) return;
    if (this.#agent) this.#agent.end('other', code);
    else process.exit(code);
  }
}

/** A file, or JSON. */
function settingsOf(given) {
  if (!given.trimStart().startsWith('{')) return readJson(given);
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}
