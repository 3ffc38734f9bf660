import { AppError } from '../../../base/errors.ts';
import { childEnvironment } from '../child-environment.ts';

/**
 * Settings of rclone that are ours, or that would make it store, show or delete something else than it is told to: by the beginning of the
 * name of the flag, without the dashes.
 */
const ours =
  /^(?:rc(?:-|$)|config$|ask-password$|log-|use-json-log|syslog|verbose$|quiet$|stats|dry-run|interactive|stdio|addr$|append-only|private-repos|cache-objects|baseurl|user$|pass$|htpasswd|include|exclude|filter|files-from|min-age|max-age|min-size|max-size|max-transfer|max-duration|max-delete|cutoff-mode|backup-dir|suffix|compare-dest|copy-dest|ignore-existing|ignore-size|ignore-times|immutable|update$|size-only|checksum$|no-check-dest|no-traverse|metadata|cpuprofile|memprofile|daemon|use-server-modtime|password-command|version|help)/u;

/** The flags that a user gives in one text, apart. Throws `input/usage` for what is no flag, and for flags that cannot be left to him. */
export function parseRcloneFlags(text: string): readonly string[] {
  const flags = text.split(/\s+/u).filter((flag) => flag !== '');
  for (const flag of flags) {
    const name = /^--([a-z0-9][a-z0-9-]*)(?:=.*)?$/su.exec(flag)?.[1];
    if (name === undefined) {
      // A word alone may be the value of the flag before it, and that may be a password.
      const shown = flag.startsWith('-') ? `"${flag.replace(/=.*/su, '=***')}"` : 'A word';
      throw new AppError('input/usage', `${shown} in the option "flags" is no flag of rclone`, {
        hint: 'Write --name or --name=value, with spaces between several',
      });
    }
    if (ours.test(name)) {
      throw new AppError('input/usage', `The flag "--${name}" of rclone cannot be used here`, {
        hint: 'Holdfast sets it itself, or it would change what is stored',
      });
    }
  }
  return flags;
}

/** The environment for rclone: that of the process without the settings that are ours. Those of remotes stay. */
export function rcloneEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(childEnvironment(environment)).filter(([name]) => {
      if (!name.startsWith('RCLONE_') || name === 'RCLONE_CONFIG') return true;
      const flag = name.slice('RCLONE_'.length).toLowerCase().replaceAll('_', '-');
      // The command and the secret with which rclone opens its own configuration are the user's.
      return flag === 'password-command' || flag.startsWith('config-') || !ours.test(flag);
    }),
  );
}
