import { givenName, keptText, listFlag, switchFlag, valueFlag } from '../flag.ts';
import type { Positional } from '../command.ts';

/** The repository a command works on. */
export const repository = {
  arity: 'one',
  kind: 'repository',
  help: 'The repository: a URL or a path; may be left out when HOLDFAST_REPOSITORY is set',
} as const satisfies Positional;

export const dryRun = switchFlag({
  short: 'n',
  help: 'Show what would be done and change nothing',
});

export const yes = switchFlag({ short: 'y', help: 'Do not ask before something is deleted' });

/** Flags that narrow a list of snapshots down; not from the environment, where `HOLDFAST_HOST` is for backups. */
export const snapshotFilterFlags = {
  host: listFlag({
    placeholder: 'NAME',
    environment: false,
    help: 'Only snapshots of this host; may be repeated',
    parse: givenName,
  }),
  path: listFlag({
    placeholder: 'PATH',
    complete: 'directory',
    environment: false,
    help: 'Only snapshots with this source; with several, with all of them',
  }),
  tag: listFlag({
    placeholder: 'TAG[,TAG…]',
    environment: false,
    help: 'Only snapshots with all of these tags; repeated, with one such list',
    parse: keptText,
  }),
} as const;

/** A new passphrase that is not asked for. */
export const newPassphraseFlags = {
  'new-passphrase-file': valueFlag({
    placeholder: 'FILE',
    complete: 'file',
    environment: false,
    help: 'Read the new passphrase from the first line of a file',
  }),
  'new-passphrase-command': valueFlag({
    placeholder: 'COMMAND',
    environment: false,
    help: 'Read the new passphrase from the output of a shell command',
  }),
} as const;

/** Which paths: the order among these flags matters, the last one that matches decides. */
export const pathRuleFlags = {
  exclude: listFlag({
    placeholder: 'GLOB',
    short: 'e',
    help: 'Leave out what matches; "!GLOB" takes it again',
  }),
  iexclude: listFlag({ placeholder: 'GLOB', help: 'The same, upper and lower case alike' }),
  include: listFlag({
    placeholder: 'GLOB',
    short: 'i',
    help: 'Take what matches; if it comes first, take nothing else',
  }),
  iinclude: listFlag({ placeholder: 'GLOB', help: 'The same, upper and lower case alike' }),
  'exclude-from': listFlag({
    placeholder: 'FILE',
    complete: 'file',
    help: 'Read globs to leave out from a file, one a line',
  }),
  'include-from': listFlag({
    placeholder: 'FILE',
    complete: 'file',
    help: 'Read globs to take from a file, one a line',
  }),
  'exclude-regex': listFlag({
    placeholder: 'REGEX',
    help: 'Leave out absolute paths in which this matches',
  }),
  'include-regex': listFlag({
    placeholder: 'REGEX',
    help: 'Take absolute paths in which this matches',
  }),
} as const;
