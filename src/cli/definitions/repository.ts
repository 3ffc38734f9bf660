import { parseSize } from '../../base/size.ts';
import { defineCommand } from '../command.ts';
import { switchFlag, valueFlag } from '../flag.ts';
import { archiveWriteFlags } from './archive-flags.ts';
import { dryRun, newPassphraseFlags, repository, snapshotFilterFlags } from './shared-flags.ts';

export const init = defineCommand({
  name: 'init',
  summary: 'Make a new repository',
  description: [
    '"holdfast backup" does this by itself at first use. Without the passphrase nobody can read the repository, you included: keep it, ' +
      'or a recovery sheet ("holdfast key export"), somewhere else.',
  ],
  positionals: { URL: repository },
  flags: {
    'pack-size': valueFlag({ placeholder: 'SIZE', parse: parseSize, help: 'How large packs get' }),
  },
  examples: [
    ['holdfast init /mnt/disk/documents', 'Make a repository on a disk'],
    [
      'HOLDFAST_PASSPHRASE_FILE=/etc/holdfast.pass holdfast init s3://bucket/host',
      'Without a question',
    ],
  ],
});

export const copy = defineCommand({
  name: 'copy',
  summary: 'Copy snapshots to another repository',
  description: [
    'The passphrase flags without "from" are for URL2, and for URL as well when there are none with "from". URL2 is made if there is none.',
  ],
  positionals: {
    URL: {
      ...repository,
      help: 'The repository to copy from; may be left out when HOLDFAST_REPOSITORY is set',
    },
    URL2: { arity: 'one', kind: 'destination', help: 'The repository to copy to' },
    SNAPSHOT: { arity: 'any', kind: 'snapshot', help: 'Only these snapshots' },
  },
  flags: {
    ...snapshotFilterFlags,
    'from-passphrase-file': valueFlag({
      placeholder: 'FILE',
      complete: 'file',
      environment: false,
      help: 'Read the passphrase of URL from the first line of a file',
    }),
    'from-passphrase-command': valueFlag({
      placeholder: 'COMMAND',
      environment: false,
      help: 'Read the passphrase of URL from the output of a shell command',
    }),
    'no-init': switchFlag({ help: 'Do not make URL2 if there is no repository' }),
    'dry-run': dryRun,
    ...archiveWriteFlags,
  },
  examples: [
    ['holdfast copy /mnt/disk/documents s3://bucket/documents', 'Copy what is not there yet'],
    ['holdfast copy /mnt/disk/documents /mnt/other/documents latest', 'Copy the newest snapshot'],
    [
      'holdfast copy sftp://nas/duplicity s3://bucket/documents',
      "Take an archive of duplicity's over, with all its snapshots",
    ],
  ],
});

const recipientFlag = valueFlag({
  placeholder: 'age1…',
  help: 'For the holder of this age key instead of a passphrase',
});

export const keyList = defineCommand({
  name: 'key list',
  summary: 'List the keys that open a repository',
  positionals: { URL: repository },
  flags: {},
  examples: [['holdfast key list /mnt/disk/documents', 'List keys']],
});

export const keyAdd = defineCommand({
  name: 'key add',
  summary: 'Add a passphrase, or the holder of an age key, that opens a repository',
  positionals: { URL: repository },
  flags: {
    ...newPassphraseFlags,
    recipient: recipientFlag,
    label: valueFlag({ placeholder: 'TEXT', help: 'What to call the key in the list' }),
  },
  examples: [
    ['holdfast key add /mnt/disk/documents --label "Bert"', 'Add a passphrase; it is asked for'],
    ['holdfast key add /mnt/disk/documents --recipient age1qqsz…', 'Add an age key'],
  ],
});

export const keyRemove = defineCommand({
  name: 'key remove',
  summary: 'Remove a key',
  description: [
    'Who had the key and a copy of the repository can still read that copy. The last key cannot be removed.',
  ],
  positionals: {
    URL: repository,
    KEY: { arity: 'one', kind: 'text', help: 'Its id in "key list", or the beginning of it' },
  },
  flags: { yes: switchFlag({ short: 'y', help: 'Do not ask' }) },
  examples: [['holdfast key remove /mnt/disk/documents 3f9c', 'Remove a key']],
});

export const keyPassphrase = defineCommand({
  name: 'key passphrase',
  summary: 'Change the passphrase',
  positionals: { URL: repository },
  flags: { ...newPassphraseFlags },
  examples: [
    ['holdfast key passphrase /mnt/disk/documents', 'Change the passphrase; both are asked for'],
  ],
});

export const keyExport = defineCommand({
  name: 'key export',
  summary: 'Print a recovery sheet that opens the repository without the passphrase',
  positionals: { URL: repository },
  flags: {
    output: valueFlag({
      placeholder: 'FILE',
      complete: 'file',
      help: 'Write to a new file that only you can read',
    }),
  },
  examples: [
    [
      'holdfast key export /mnt/disk/documents --output sheet.txt',
      'Write the sheet to a file; print it and lock it away',
    ],
  ],
});

export const completion = defineCommand({
  name: 'completion',
  summary: 'Print the completion script for a shell',
  positionals: {
    SHELL: {
      arity: 'one',
      kind: 'text',
      choices: ['bash', 'zsh', 'fish'],
      help: 'bash, zsh or fish',
    },
  },
  flags: {},
  examples: [
    ['source <(holdfast completion bash)', 'In ~/.bashrc'],
    ['holdfast completion zsh > "${fpath[1]}/_holdfast"', 'For zsh'],
    ['holdfast completion fish > ~/.config/fish/completions/holdfast.fish', 'For fish'],
  ],
});
