/** How an option is written, and what it takes. */
export interface OptionSpec {
  /** Without dashes; the first is the one by which it is asked for. */
  readonly names: readonly [string, ...string[]];
  readonly short?: string;
  /** `number`: a whole one; `real`: any; `list`: may be given more than once; `pair`: two values; `selector`: its place among the others counts. */
  readonly kind:
    | 'switch'
    | 'text'
    | 'number'
    | 'real'
    | 'list'
    | 'pair'
    | 'selector'
    | 'selector-switch';
  /** What its value is called in the help. */
  readonly value?: string;
  /** It is taken and has no effect; why, if the user should be told. */
  readonly ignored?: string | true;
  /** It is refused, and why. */
  readonly refused?: string;
}

function switches(...names: string[]): OptionSpec[] {
  return names.map((name) => ({ names: [name], kind: 'switch' }));
}

function texts(value: string, ...names: string[]): OptionSpec[] {
  return names.map((name) => ({ names: [name], kind: 'text', value }));
}

function numbers(...names: string[]): OptionSpec[] {
  return names.map((name) => ({ names: [name], kind: 'number', value: 'number' }));
}

function selectors(value: string, ...names: string[]): OptionSpec[] {
  return names.map((name) => ({ names: [name], kind: 'selector', value }));
}

function ignored(kind: OptionSpec['kind'], why: string | true, ...names: string[]): OptionSpec[] {
  return names.map((name) => ({ names: [name], kind, ignored: why, value: 'value' }));
}

function refused(kind: OptionSpec['kind'], why: string, ...names: string[]): OptionSpec[] {
  return names.map((name) => ({ names: [name], kind, refused: why, value: 'value' }));
}

/** Every option of duplicity 0.6 to 3.0.6, by either of its names. */
export const optionTable: readonly OptionSpec[] = [
  { names: ['help'], short: 'h', kind: 'switch' },
  { names: ['version'], short: 'V', kind: 'switch' },
  ...switches(
    'allow-source-mismatch',
    'asynchronous-upload',
    'compare-data',
    'copy-links',
    'dry-run',
    'force',
    'ignore-errors',
    'jsonstat',
    'log-timestamp',
    'no-compression',
    'no-encryption',
    'no-files-changed',
    'no-print-statistics',
    'null-separator',
    'numeric-owner',
    'old-filenames',
    'progress',
    'short-filenames',
    'skip-if-no-change',
    'ssh-askpass',
    'use-agent',
    'no-check-remote',
  ),
  { names: ['no-restore-ownership', 'do-not-restore-ownership'], kind: 'switch' },
  ...texts('path', 'archive-dir', 'tempdir', 'gpg-binary', 'encrypt-secret-keyring'),
  ...texts('name', 'name'),
  ...texts('filename', 'log-file'),
  ...texts(
    'prefix',
    'file-prefix',
    'file-prefix-archive',
    'file-prefix-manifest',
    'file-prefix-signature',
    'file-prefix-jsonstat',
  ),
  ...texts('gpg-key-id', 'sign-key', 'encrypt-sign-key'),
  { names: ['encrypt-key'], kind: 'list', value: 'gpg-key-id' },
  { names: ['hidden-encrypt-key'], kind: 'list', value: 'gpg-key-id' },
  { names: ['gpg-options'], kind: 'list', value: 'options' },
  { names: ['path-to-restore', 'file-to-restore'], short: 'r', kind: 'text', value: 'path' },
  { names: ['restore-time', 'time'], short: 't', kind: 'text', value: 'time' },
  { names: ['verbosity'], short: 'v', kind: 'text', value: 'level' },
  { names: ['rename'], kind: 'pair', value: 'from to' },
  ...texts('time', 'full-if-older-than'),
  ...texts('path', 'file-changed'),
  ...texts('mode', 'metadata-sync-mode'),
  ...texts('char', 'time-separator'),
  ...numbers(
    'backend-retry-delay',
    'concurrency',
    'current-time',
    'log-fd',
    'max-blocksize',
    'num-retries',
    'progress-rate',
    'show-changes-in-set',
    'volsize',
  ),
  { names: ['timeout'], kind: 'real', value: 'seconds' },
  ...selectors('shell_pattern', 'include', 'exclude'),
  ...selectors('filename', 'include-filelist', 'exclude-filelist', 'files-from'),
  ...selectors('filename', 'include-globbing-filelist', 'exclude-globbing-filelist'),
  ...selectors('filename', 'exclude-if-present'),
  ...selectors('regular_expression', 'include-regexp', 'exclude-regexp'),
  ...selectors('time', 'exclude-older-than'),
  ...[
    'exclude-device-files',
    'exclude-other-filesystems',
    'include-filelist-stdin',
    'exclude-filelist-stdin',
    'filter-globbing',
    'filter-literal',
    'filter-regexp',
    'filter-ignorecase',
    'filter-strictcase',
  ].map((name): OptionSpec => ({ names: [name], kind: 'selector-switch' })),

  // Destinations; `destination-options.ts` says what they become.
  ...switches(
    'b2-hide-files',
    'ftp-passive',
    'ftp-regular',
    's3-unencrypted-connection',
    's3-use-deep-archive',
    's3-use-glacier',
    's3-use-glacier-ir',
    's3-use-ia',
    's3-use-onezone-ia',
    's3-use-rrs',
    's3-use-server-side-encryption',
    's3-use-server-side-kms-encryption',
  ),
  { names: ['ssh-options'], kind: 'list', value: 'options' },
  ...texts(
    'value',
    'azure-blob-tier',
    'par2-options',
    's3-endpoint-url',
    's3-kms-key-id',
    's3-region-name',
    'ssl-cacert-file',
    'swift-storage-policy',
    'webdav-headers',
  ),
  ...numbers(
    'azure-max-block-size',
    'azure-max-connections',
    'mp-segment-size',
    'par2-redundancy',
    'par2-volumes',
    's3-multipart-chunk-size',
    's3-multipart-max-procs',
  ),

  ...ignored(
    'switch',
    true,
    's3-use-new-style',
    's3-use-multiprocessing',
    'gio',
    'use-glacier',
    'extra-clean',
    'mf-purge',
  ),
  ...ignored(
    'number',
    true,
    'azure-max-single-put-size',
    'copy-blocksize',
    's3-multipart-max-timeout',
  ),
  ...ignored('text', true, 'cf-backend', 'config-dir', 'pydevd', 'imap-mailbox', 'idr-fakeroot'),
  ...ignored('switch', true, 'imap-full-address'),
  ...ignored('switch', 'buckets are made where "s3-region-name" says', 's3-european-buckets'),
  ...ignored('text', 'the "ssh" program is used for everything', 'scp-command'),
  ...ignored('text', 'it is not needed here', 's3-kms-grant'),
  ...refused(
    'switch',
    'a server that nobody has checked could be anybody; give its authority with --ssl-cacert-file',
    'ssl-no-check-certificate',
  ),
  ...refused('text', 'give one file with --ssl-cacert-file', 'ssl-cacert-path'),
  ...refused('text', 'use --ssh-options', 'sftp-command'),
  ...refused('text', 'use RSYNC_RSH and the options of the destination', 'rsync-options'),
  ...refused('switch', 'files in the format of gpgsm are neither read nor written', 'use-gpgsm'),
  ...refused('number', 'it is for tests of the original only', 'fail-on-volume', 'skip-volume'),
  ...refused('switch', 'duplicity itself no longer has it', 'use-scp', 'ssh-backend'),
];

const byName = new Map(optionTable.flatMap((spec) => spec.names.map((name) => [name, spec])));
const byShort = new Map(
  optionTable.flatMap((spec) => (spec.short === undefined ? [] : [[spec.short, spec] as const])),
);

/** All long names. */
export const optionNames: readonly string[] = Array.from(byName.keys());

export function optionNamed(name: string): OptionSpec | undefined {
  return byName.get(name);
}

export function optionByLetter(letter: string): OptionSpec | undefined {
  return byShort.get(letter);
}
