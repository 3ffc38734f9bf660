import { AppError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { CliContext } from './context.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import type { Output } from './output/output.ts';
import {
  findPassphrase,
  type PassphraseOrigin,
  passphraseOrigin,
  type PassphraseSource,
} from './passphrase.ts';
import { askYesNo } from './prompt.ts';

/** What a command works with besides its input. */
export interface CommandSession extends CliContext {
  readonly output: Output;
  /** The passphrase of the repository; `create` asks twice. Asked for when called, so call it when the repository was found. */
  passphrase(options?: { readonly create?: boolean }): Promise<Secret>;
  /** The same if the environment holds it: nobody is asked, nothing is read or run. */
  passphraseAtHand(): Secret | undefined;
  /** That of the repository that `copy` reads; the same as `passphrase` if nothing says otherwise. */
  fromPassphrase(): Promise<Secret>;
  /** Where one of these will come from. */
  passphraseOrigin(whose: 'main' | 'from'): PassphraseOrigin;
  /** One that is to be added or to replace the old one. */
  newPassphrase(): Promise<Secret>;
  /**
   * Asks before something that cannot be undone. Resolves to true for yes, at once if `yes` (the flag) is set. Throws `input/usage`
   * if nobody can be asked.
   */
  confirm(question: string, yes: boolean): Promise<boolean>;
}

/** The flags of some commands that name further passphrases. */
type PassphraseFlags = GlobalFlagValues & Readonly<Record<string, unknown>>;

export function createSession(
  context: CliContext,
  flags: PassphraseFlags,
  output: Output,
): CommandSession {
  const text = (name: string): string | undefined => flags[name] as string | undefined;
  const none = flags['insecure-no-passphrase'];
  const find = async (source: PassphraseSource): Promise<Secret> => {
    output.pause();
    return findPassphrase(source, context);
  };
  const main = { file: flags['passphrase-file'], command: flags['passphrase-command'] };
  const mainSource = (repeat: boolean): PassphraseSource => ({
    what: 'Passphrase',
    ...main,
    variables: ['HOLDFAST_PASSPHRASE'],
    repeat,
    none,
  });
  const fromSource = (): PassphraseSource => {
    const from = { file: text('from-passphrase-file'), command: text('from-passphrase-command') };
    const own = from.file !== undefined || from.command !== undefined;
    const variables = ['HOLDFAST_FROM_PASSPHRASE', 'HOLDFAST_PASSPHRASE'];
    const inEnvironment = ['', '_FILE', '_COMMAND'].some(
      (end) => context.environment[`HOLDFAST_FROM_PASSPHRASE${end}`] !== undefined,
    );
    const given = own || inEnvironment ? from : main;
    return { what: 'Passphrase to copy from', ...given, variables, repeat: false, none };
  };
  const session = {
    output,
    passphrase: ({ create = false } = {}) => find(mainSource(create)),
    passphraseAtHand() {
      const elsewhere = main.file !== undefined || main.command !== undefined || none;
      const value = elsewhere ? undefined : context.environment['HOLDFAST_PASSPHRASE'];
      return value ? new Secret(value) : undefined;
    },
    fromPassphrase: () => find(fromSource()),
    passphraseOrigin: (whose) =>
      passphraseOrigin(whose === 'from' ? fromSource() : mainSource(false), context),
    newPassphrase() {
      const given = { file: text('new-passphrase-file'), command: text('new-passphrase-command') };
      const variables = ['HOLDFAST_NEW_PASSPHRASE'];
      return find({ what: 'New passphrase', ...given, variables, repeat: true, none });
    },
    async confirm(question, yes) {
      if (yes) return true;
      if (!context.terminal.interactive) {
        throw new AppError('input/usage', `Nobody can be asked: ${question}`, {
          hint: 'Add --yes to go on without a question, or --dry-run to see what would be done',
        });
      }
      output.pause();
      return askYesNo(question, context);
    },
  } satisfies Omit<CommandSession, keyof CliContext>;
  // Getters stay what they are: to find out the time zone takes a while, and most commands do not ask.
  return Object.defineProperties(
    session,
    Object.getOwnPropertyDescriptors(context),
  ) as typeof session & CliContext;
}
