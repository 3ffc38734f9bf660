import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { oneLine } from '../one-line.ts';

interface Meaning {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

/**
 * What rclone says, by its words: its errors have no codes. The first that fits counts, so what may pass comes before what it could be
 * mistaken for. Whatever is not here may pass, and is never "not found".
 */
const meanings: readonly Meaning[] = [
  {
    pattern: /rate.?limit|too many requests|\b429\b|slow ?down|try again later/iu,
    code: 'storage/unavailable',
    text: 'the service takes no more calls just now',
  },
  {
    pattern: /no such host/iu,
    code: 'storage/unavailable',
    text: 'the name of the server is not known',
    hint: 'Look at the spelling of the host, and whether this machine is online',
  },
  {
    pattern: /connection re(?:fused|set)|i\/o timeout/iu,
    code: 'storage/unavailable',
    text: 'the server does not answer',
    hint: 'Look at host and port, and whether the server runs',
  },
  {
    pattern: /unknown (?:shorthand )?flag|invalid argument .* for .* flag/iu,
    code: 'input/usage',
    text: 'rclone does not understand a flag',
    hint: 'Look at the option "flags"; "rclone help flags" lists those that it knows',
  },
  {
    pattern: /didn't find section in config file|didn't find backend called/iu,
    code: 'input/usage',
    text: 'rclone knows no such remote',
    hint: 'See "rclone listremotes"; "rclone config" makes one',
  },
  {
    // A file of this machine is missing then, and no object.
    pattern:
      /failed to (?:read|load|parse|open)\b.*\b(?:key|token|config\w*|certificate|agent)\b.*no such file|dial unix/iu,
    code: 'storage/unavailable',
    text: 'rclone cannot use its own configuration',
    hint: 'Look at the remote with "rclone config show"; the files that it names must be there',
  },
  {
    pattern:
      /object name.*(?:collision|already exists)|name already exists|cannot create a file when that file|file exists|file already exists/iu,
    code: 'storage/already-exists',
    text: 'it is already there',
  },
  {
    pattern: /is a file not a directory/iu,
    code: 'storage/access-denied',
    text: 'the path of the destination is a file, not a directory',
    hint: 'Name a directory, or one that is still to be made',
  },
  {
    pattern: /make parent director.*not a directory/iu,
    code: 'storage/access-denied',
    text: 'a part of its path is a file, not a directory',
    hint: 'Choose another path',
  },
  {
    // Two that make the same directory at the same moment may get this answer too, so it may pass.
    pattern: /mkParentDir failed.*\b409\b/iu,
    code: 'storage/unavailable',
    text: 'its directory cannot be made',
    hint: 'Look whether a part of the path is a file',
  },
  {
    pattern:
      /object not found|directory not found|is a directory|not a directory|not a regular file|file does not exist|no such file or directory|requested operation cannot be performed because.*director|path .*does not exist/iu,
    code: 'storage/not-found',
    text: 'there is no such object',
  },
  {
    pattern:
      /share name cannot be found|bad.?network.?name|NoSuchBucket|bucket.*does not exist|ContainerNotFound/iu,
    code: 'storage/no-container',
    text: 'the share or bucket is not there',
    hint: 'Make it on the server, and look at its spelling in the URL',
  },
  {
    pattern:
      /no space left|remaining disk space|disk (?:is |was )?full|not enough (?:disk |free )?space|insufficient.?storage|quota.?exceeded|exceeded.*quota|over.?quota|quota (?:has|is)|storage limit|\b507\b/iu,
    code: 'storage/out-of-space',
    text: 'there is no space for it',
    hint: 'Free space there, raise the quota, or choose another destination',
  },
  {
    pattern:
      /unable to decrypt configuration|password.*config(?:uration)?.*(?:wrong|incorrect)|config(?:uration)?.*encrypted/iu,
    code: 'storage/access-denied',
    text: 'the configuration of rclone is encrypted, and the password is missing or wrong',
    hint: 'Give it with the option "config-password" or in RCLONE_CONFIG_PASS',
  },
  {
    pattern:
      /x509: |tls: |certificate (?:has expired|is not|signed by|verif)|host key (?:mismatch|verif)|knownhosts: |key mismatch/iu,
    code: 'storage/untrusted',
    text: 'the server could not prove who it is',
  },
  {
    pattern:
      /unable to authenticate|unauthori[sz]ed|\b401\b|\b403\b|forbidden|(?:access|permission) (?:is |was )?denied|logon is invalid|bad username|account.*(?:disabled|locked|expired)|password (?:has )?expired|invalid_grant|invalid.?credentials|couldn't fetch token|token expired|SignatureDoesNotMatch|InvalidAccessKeyId|read-only file system|write.?protected|\b530\b|login incorrect/iu,
    code: 'storage/access-denied',
    text: 'permission denied',
    hint: 'Look at the user and password, and whether they may write there',
  },
];

/** An error of rclone as one of ours; `action` reads like `store "packs/00"`. Its own words are kept, without what could be secret. */
export function rcloneError(said: string, action: string): AppError {
  const words = readable(said);
  const meaning = meanings.find(({ pattern }) => pattern.test(words));
  if (meaning === undefined) {
    return new AppError(
      'storage/unavailable',
      `Cannot ${action}: rclone reports ${words === '' ? 'a failure' : `"${words}"`}`,
    );
  }
  return new AppError(meaning.code, `Cannot ${action}: ${meaning.text} ("${words}")`, {
    ...(meaning.hint !== undefined && { hint: meaning.hint }),
  });
}

/** Why rclone ended or could not begin: that something is missing then is said of no object. */
export function rcloneEndError(said: string): AppError {
  const action = 'use the remote';
  // Before its last words it may have told at length how it is used.
  const error = rcloneError(/Fatal error: (.+)$/su.exec(said)?.[1] ?? said, action);
  if (error.code !== 'storage/not-found' && error.code !== 'storage/already-exists') return error;
  return new AppError(
    'storage/unavailable',
    `Cannot ${action}: rclone reports "${readable(said)}"`,
  );
}

/** In one line of bearable length; what follows a question mark in a URL may be a token. What rclone says of its own doings is left out. */
function readable(said: string): string {
  return oneLine(
    said
      .replaceAll(
        /Failed to create file system for "holdfast:[^"]*": |Post request put error: /gu,
        '',
      )
      .replaceAll(/(https?:\/\/[^\s"?]*)\?[^\s"]*/gu, '$1?…')
      .replaceAll(/(https?:\/\/)[^\s"/@]*@/gu, '$1'),
  );
}
