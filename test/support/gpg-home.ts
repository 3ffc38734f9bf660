import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { failureOf, type ProgramResult, runProgram } from '../../src/base/process.ts';

/** A home of gpg with keys of its own; it goes, with its agent, at the end of the block. */
export interface GpgHome extends AsyncDisposable {
  readonly path: string;
  /** For programs that are to use it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Calls gpg without questions; throws if it fails. */
  gpg(parameters: readonly string[], input?: Uint8Array): Promise<ProgramResult>;
  /** Makes a key that signs and one that is encrypted to, and gives the fingerprint of the former. */
  generateKey(name: string, passphrase: string, more?: readonly string[]): Promise<string>;
  /** Forgets passphrases that were used. */
  forgetPassphrases(): Promise<void>;
}

export async function gpgHome(): Promise<GpgHome> {
  const home = await mkdtemp(path.join(tmpdir(), 'holdfast-gpg-'));
  await chmod(home, 0o700);
  // Otherwise each agent measures for a while how much work it may make of passphrases.
  await writeFile(path.join(home, 'gpg-agent.conf'), 's2k-count 65536\n');
  const environment = { PATH: process.env['PATH'], HOME: home, GNUPGHOME: home, LC_ALL: 'C' };
  const call = async (argv: readonly string[], input?: Uint8Array): Promise<ProgramResult> => {
    const result = await runProgram(argv, {
      environment,
      ...(input === undefined ? {} : { input }),
    });
    const failure = failureOf(result);
    if (failure !== undefined) throw new Error(`${argv.join(' ')}: ${failure}`);
    return result;
  };
  const gpg: GpgHome['gpg'] = (parameters, input) =>
    call(['gpg', '--batch', '--no-tty', '--pinentry-mode=loopback', ...parameters], input);
  const forgetPassphrases = async (): Promise<void> => {
    await call(['gpgconf', '--homedir', home, '--kill', 'all']);
  };
  return {
    path: home,
    environment,
    gpg,
    forgetPassphrases,
    async generateKey(name, passphrase, more = []) {
      const unlocked = [...more, '--passphrase', passphrase];
      await gpg([...unlocked, '--quick-generate-key', name, 'ed25519', 'sign', '0']);
      const list = await gpg(['--with-colons', '--list-keys', name]);
      const fingerprint = /^fpr:+([0-9A-F]+):/mu.exec(list.output.toString())?.[1] ?? '';
      await gpg([...unlocked, '--quick-add-key', fingerprint, 'cv25519', 'encrypt', '0']);
      return fingerprint;
    },
    async [Symbol.asyncDispose]() {
      await forgetPassphrases();
      await rm(home, { recursive: true, force: true });
    },
  };
}
