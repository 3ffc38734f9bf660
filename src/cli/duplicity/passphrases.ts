import { type AppError, hasCode } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import type { GpgSettings, Protection } from '../../repository/duplicity/encryption/protection.ts';
import { ask } from '../prompt.ts';
import { exitCodes, fatal } from './fatal.ts';
import type { DuplicityRun } from './run-settings.ts';

/** What a run wants of the files: `names` reads none that are encrypted, `write` may do without reading. */
export type ProtectionUse = 'names' | 'read' | 'write' | 'create';

/**
 * How files are encrypted, from the options and from `PASSPHRASE` and `SIGN_PASSPHRASE`; what is missing is asked for, twice where the archive begins.
 *
 * @throws AppError exit code 2 for keys that exclude each other, 30 when nobody can be asked, 31 for an empty passphrase to encrypt with
 */
export async function protectionOf(run: DuplicityRun, use: ProtectionUse): Promise<Protection> {
  const { options } = run.line;
  const compress = !options.has('no-compression');
  if (options.has('no-encryption')) return { kind: 'none', compress };
  const both = options.text('encrypt-sign-key');
  const recipients = [...options.list('encrypt-key'), ...(both === undefined ? [] : [both])];
  const hiddenRecipients = options.list('hidden-encrypt-key');
  const signKey = options.text('sign-key') ?? both;
  const gpg = gpgSettings(run);
  const hasKeys = recipients.length + hiddenRecipients.length > 0;
  if (!hasKeys) {
    const passphrase = await symmetricPassphrase(run, use);
    const sign = await signing(run, signKey, use, { passphrase, isRecipient: true });
    return { kind: 'symmetric', passphrase, ...sign, compress, gpg };
  }
  const passphrase = await keyPassphrase(run, use);
  const isRecipient = signKey !== undefined && recipients.includes(signKey);
  const sign = await signing(run, signKey, use, { passphrase, isRecipient });
  return {
    kind: 'keys',
    recipients,
    hiddenRecipients,
    ...(passphrase !== undefined && { passphrase }),
    ...sign,
    compress,
    gpg,
  };
}

/** How gpg is called. */
export function gpgSettings({ line: { options }, context }: DuplicityRun): GpgSettings {
  const secretKeyring = options.text('encrypt-secret-keyring');
  return {
    program: options.text('gpg-binary') ?? 'gpg',
    options: options.list('gpg-options').flatMap((text) => text.split(' ').filter(Boolean)),
    useAgent: options.has('use-agent'),
    ...(secretKeyring !== undefined && { secretKeyring }),
    environment: withoutSecrets(context.environment),
  };
}

async function symmetricPassphrase(run: DuplicityRun, use: ProtectionUse): Promise<Secret> {
  const { environment } = run.context;
  const given = environment['PASSPHRASE'];
  const hasAgent = run.line.options.has('use-agent');
  if (given === '' && (use === 'write' || use === 'create') && !hasAgent) {
    throw fatal(
      exitCodes.gpgFailed,
      'PASSPHRASE is empty: nothing can be encrypted with an empty passphrase',
      { extra: 'GPGError', hint: 'Set PASSPHRASE to one, or say --no-encryption' },
    );
  }
  if (given !== undefined) return new Secret(given);
  if (use === 'names' || hasAgent) return new Secret('');
  return askTwice(run, 'decryption', use === 'create');
}

/** Of a secret key; it may have none, so that nobody is asked before it is needed. */
async function keyPassphrase(run: DuplicityRun, use: ProtectionUse): Promise<Secret | undefined> {
  const given = run.context.environment['PASSPHRASE'];
  if (given !== undefined) return new Secret(given);
  const { terminal } = run.context;
  if (use !== 'read' || run.line.options.has('use-agent') || !terminal.interactive) {
    return undefined;
  }
  return new Secret(await question(run, 'GnuPG passphrase for decryption: '));
}

async function signing(
  run: DuplicityRun,
  key: string | undefined,
  use: ProtectionUse,
  {
    passphrase,
    isRecipient,
  }: { readonly passphrase: Secret | undefined; readonly isRecipient: boolean },
): Promise<{ readonly sign?: { readonly key: string; readonly passphrase?: Secret } }> {
  if (key === undefined) return {};
  const given = run.context.environment['SIGN_PASSPHRASE'];
  if (given !== undefined) return { sign: { key, passphrase: new Secret(given) } };
  const isWritten = use === 'write' || use === 'create';
  const canReuse = isRecipient && passphrase !== undefined;
  if (!isWritten || canReuse || run.line.options.has('use-agent')) return { sign: { key } };
  if (!run.context.terminal.interactive) return { sign: { key } };
  return { sign: { key, passphrase: await askTwice(run, 'signing key', false) } };
}

async function askTwice(run: DuplicityRun, what: string, isNew: boolean): Promise<Secret> {
  for (;;) {
    const typed = await question(run, `GnuPG passphrase for ${what}: `);
    if (typed === '' && what === 'decryption') {
      run.log.warning('Cannot use empty passphrase with symmetric encryption!  Please try again.', {
        always: true,
      });
      continue;
    }
    if (!isNew) return new Secret(typed);
    if (typed === (await question(run, `Retype passphrase for ${what} to confirm: `))) {
      return new Secret(typed);
    }
    run.log.warning('First and second passphrases do not match!  Please try again.', {
      always: true,
    });
  }
}

/** On the terminal without echo; a line of standard input where there is none, as scripts hand it over. */
async function question({ context }: DuplicityRun, text: string): Promise<string> {
  try {
    return await ask(text, context, { hidden: context.terminal.interactive });
  } catch (error) {
    if (!hasCode(error, 'interrupted') || context.signal.aborted) throw error;
    throw fatal(
      exitCodes.exception,
      'The passphrase is missing, and there is nobody to ask: set PASSPHRASE, or say --no-encryption',
      { extra: 'EOFError', cause: error },
    );
  }
}

/** What gpg gets to see of the environment: nothing that it does not need. */
function withoutSecrets(
  environment: DuplicityRun['context']['environment'],
): Readonly<Record<string, string | undefined>> {
  const hidden = /PASS|SECRET|TOKEN|APIKEY|_KEY|CONNECTION_STRING|^HOLDFAST_/u;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !hidden.test(name)));
}

/** Whether an error says that files could not be decrypted. */
export function isWrongPassphrase(error: unknown): error is AppError {
  return hasCode(error, 'repository/wrong-passphrase');
}
