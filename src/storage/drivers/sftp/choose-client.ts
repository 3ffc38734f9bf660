import { access, constants } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../../../base/errors.ts';
import type { ConnectionSettings } from './connection-settings.ts';

/** What speaks SSH for us. */
export type SshClient = 'program' | 'library';

/**
 * The program, because it understands everything that the user has set up for it, unless something is given that it would have to ask for
 * (it runs without a terminal), or it is not installed. Rejects with `input/usage` for a choice that cannot work.
 */
export async function chooseClient(
  wanted: 'auto' | SshClient,
  settings: ConnectionSettings,
  isCommandGiven: boolean,
): Promise<SshClient> {
  const { password, identity, passphrase, trust, command, environment } = settings;
  const secret =
    (password && 'password') ?? (identity && 'identity') ?? (passphrase && 'identity-passphrase');
  if (wanted === 'library' && isCommandGiven) {
    throw new AppError(
      'input/usage',
      'The options "client=library" and "ssh-command" exclude each other',
    );
  }
  if (wanted === 'program' || isCommandGiven) {
    if (secret === undefined) return 'program';
    throw new AppError('input/usage', `The option "${secret}" cannot be given to the ssh program`, {
      hint: 'Use a key in a file or an agent, or let the library connect: "client=library" and no "ssh-command"',
    });
  }
  if (wanted === 'library' || secret !== undefined || trust.fingerprint !== undefined)
    return 'library';
  return (await isInstalled(command[0] ?? 'ssh', environment['PATH'] ?? ''))
    ? 'program'
    : 'library';
}

async function isInstalled(program: string, searched: string): Promise<boolean> {
  const names = process.platform === 'win32' ? [`${program}.exe`] : [program];
  for (const folder of searched.split(path.delimiter)) {
    for (const name of names) {
      try {
        await access(path.join(folder, name), constants.X_OK);
        return true;
      } catch {
        // Not here.
      }
    }
  }
  return false;
}
