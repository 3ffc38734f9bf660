import { readFile } from 'node:fs/promises';

import { AppError } from '../../../base/errors.ts';
import { runProgram } from '../../../base/process.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { defaultsQuery, settingsQuery, type SshOptions } from './ssh-arguments.ts';

/** Milliseconds that `ssh` has to print its configuration. */
const patience = 5000;

/**
 * What `ssh` is told about ciphers: those that the processor has instructions for first, which halves the work of encryption. OpenSSH has them last, for
 * processors without. Only their order changes, and only if nobody has chosen one: neither the user nor the administrator of this machine.
 */
export async function cipherOptions(
  settings: ConnectionSettings,
  environment: ConnectionSettings['environment'],
): Promise<SshOptions> {
  if (!(await encryptsInHardware())) return {};
  const [chosen, usual] = await Promise.all(
    [settingsQuery(settings), defaultsQuery(settings)].map((argv) => ciphersOf(argv, environment)),
  );
  if (chosen === undefined || chosen !== usual) return {};
  const all = chosen.split(',');
  const fast = all.filter((name) => name.includes('-gcm@'));
  if (fast.length === 0) return {};
  return { Ciphers: [...new Set([...fast, ...all])].join(',') };
}

/** The list of ciphers that `ssh` would use; `undefined` if it does not say. */
async function ciphersOf(
  argv: readonly string[],
  environment: ConnectionSettings['environment'],
): Promise<string | undefined> {
  try {
    const { status, output } = await runProgram(argv, { environment, timeLimit: patience });
    const ciphers = /^ciphers (?<list>\S+)$/mu.exec(output.toString('utf8'))?.groups?.['list'];
    return status === 0 ? ciphers : undefined;
  } catch (error) {
    // Whatever is wrong with it is told when it connects.
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** Whether this processor has instructions for AES. */
async function encryptsInHardware(): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  try {
    return /^(?:flags|Features)\s*:.*\baes\b/mu.test(await readFile('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}
