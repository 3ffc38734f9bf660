import { AppError, type ErrorCode } from '../../../base/errors.ts';

/** How a run of rsync ended. */
export interface RsyncEnd {
  readonly status: number | undefined;
  /** The last lines of what it said. */
  readonly lastWords: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

const access =
  'Look at the owner and the mode of the directory on the server, and at what its configuration allows';
const space = 'Free space there, raise the quota, or choose another destination';

/** What rsync, its daemon and ssh say, in the order in which it is looked for: the exit status alone tells little. */
const sayings: readonly (readonly [pattern: RegExp, meaning: Meaning])[] = [
  [
    /IDENTIFICATION HAS CHANGED|Host key for \S+ has changed|Offending \S+ key/u,
    {
      code: 'storage/untrusted',
      text: 'the server shows another host key than before',
      hint: 'If it was set up anew, and only then, replace its line in the known hosts',
    },
  ],
  [
    /Host key verification failed|host key is known for/u,
    {
      code: 'storage/untrusted',
      text: 'the host key of the server is not known',
      hint: 'Log in once with ssh and compare its fingerprint, or name a file with its key in the option "known-hosts"',
    },
  ],
  [
    /Permission denied \((?:publickey|password|keyboard|gssapi|hostbased|none)/u,
    {
      code: 'storage/access-denied',
      text: 'the server does not accept our key',
      hint: 'Look at the user, and name a key with the option "identity-file" or keep it in the agent; passwords are not asked for',
    },
  ],
  [
    /Could not resolve hostname|Name or service not known/u,
    {
      code: 'storage/unavailable',
      text: 'the name of the server is not known',
      hint: 'Look at the spelling of the host, and whether this machine is online',
    },
  ],
  [
    /Connection refused|Connection timed out|No route to host|Network is unreachable/u,
    {
      code: 'storage/unavailable',
      text: 'nothing answers at that address',
      hint: 'Look at host and port: a daemon listens at 873 and is reached by host::module/path, ssh by user@host/path',
    },
  ],
  [
    /auth failed on module/u,
    {
      code: 'storage/access-denied',
      text: 'the server does not accept user and password',
      hint: 'Look at both, and give the password in HOLDFAST_RSYNC_PASSWORD or RSYNC_PASSWORD',
    },
  ],
  [
    /Unknown module/u,
    {
      code: 'storage/no-container',
      text: 'the server has no such module',
      hint: 'Ask it for its modules with: rsync host::',
    },
  ],
  [
    /chdir failed|chroot failed/u,
    {
      code: 'storage/no-container',
      text: 'the directory of the module is missing on the server',
    },
  ],
  [
    /max connections .*reached/u,
    { code: 'storage/unavailable', text: 'the server takes no more connections' },
  ],
  [
    /access denied to/u,
    { code: 'storage/access-denied', text: 'the server denies it', hint: access },
  ],
  [
    /read only|read-only|write-only|not allowed/u,
    { code: 'storage/access-denied', text: 'the server does not allow it', hint: access },
  ],
  [
    /refuse|is not supported|unknown option|has been disabled/u,
    {
      code: 'storage/access-denied',
      text: 'the server refuses an option of rsync',
      hint: 'Look at "refuse options" in its configuration, and at the age of its rsync: 3.1.3 is the oldest that will do',
    },
  ],
  [
    /rsync: (?:command )?not found|rsync: No such file/u,
    {
      code: 'storage/access-denied',
      text: 'there is no rsync on the server',
      hint: 'Install it there, or name it with the option "rsync-path"',
    },
  ],
];

/** What the numbers of the system in rsync's messages mean. */
const systemErrors: Readonly<Record<string, Meaning>> = {
  1: { code: 'storage/access-denied', text: 'the operation is not permitted', hint: access },
  2: { code: 'storage/not-found', text: 'there is no such object' },
  13: { code: 'storage/access-denied', text: 'permission denied', hint: access },
  20: { code: 'storage/not-found', text: 'there is no such object' },
  21: { code: 'storage/access-denied', text: 'a directory is in its place' },
  28: { code: 'storage/out-of-space', text: 'no space is left on the server', hint: space },
  30: { code: 'storage/access-denied', text: 'the file system is read-only', hint: access },
  36: { code: 'input/invalid', text: 'the name is too long for the server' },
  // Of a file on the way, from 3.4 on.
  40: {
    code: 'storage/access-denied',
    text: 'a part of the path is a file, or a link that the server does not follow',
    hint: 'Choose another path',
  },
  122: { code: 'storage/out-of-space', text: 'the quota on the server is used up', hint: space },
};

const statuses: Readonly<Record<number, string>> = {
  5: 'the server refuses to begin',
  10: 'the connection broke off',
  12: 'the connection broke off',
  30: 'the server no longer answers',
  35: 'the server does not answer',
  255: 'the connection over ssh failed',
};

/** A run that failed as an `AppError`. `action` reads like `store "packs/00"`. Unknown failures may pass. */
export function translateFailure({ status, lastWords }: RsyncEnd, action: string): AppError {
  const said = sayings.find(([pattern]) => pattern.test(lastWords))?.[1];
  const meaning = said ?? systemErrors[systemErrorIn(lastWords) ?? ''];
  const known =
    meaning?.text ?? statuses[status ?? -1] ?? `rsync ended with status ${status ?? 'none'}`;
  const words = tellingLines(lastWords).slice(0, 3).join('; ').slice(0, 300);
  return new AppError(
    meaning?.code ?? 'storage/unavailable',
    `Cannot ${action}: ${known}${words === '' ? '' : ` (${words})`}`,
    {
      details: { status: status ?? -1 },
      ...(meaning?.hint !== undefined && { hint: meaning.hint }),
    },
  );
}

/** What only says that something else went wrong, or where in rsync's source it was noticed. */
const consequence =
  /^rsync error: .* at [a-z]+\.c\([0-9]+\)|^rsync: (?:\[\w+\] )?(?:read error: |connection unexpectedly closed)|^file has vanished: /u;

/** The lines that say why, if there are any. */
function tellingLines(lastWords: string): readonly string[] {
  const lines = lastWords.split('\n');
  const telling = lines.filter((line) => !consequence.test(line));
  return telling.length === 0 ? lines : telling;
}

/** The number of the system's error in `… failed: No such file or directory (2)`, which is the same in every language. */
export function systemErrorIn(lastWords: string): string | undefined {
  return /failed[^\n]*\(([0-9]+)\)$/mu.exec(lastWords)?.[1];
}
