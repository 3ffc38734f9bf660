import { AppError, type ErrorCode, exitStatusOf, isRetryable } from '../../src/base/errors.ts';
import { markdownTable } from './markdown-table.ts';

const statuses: readonly (readonly [status: number, meaning: string])[] = [
  [0, 'Done'],
  [1, 'Failed'],
  [2, 'The command line, an option or a file it names makes no sense'],
  [3, 'Done, but some files could not be read or written; each is named in the output'],
  [10, 'There is no repository'],
  [11, 'Somebody else is at work in the repository'],
  [12, 'Wrong passphrase, or the wrong key'],
  [13, 'Something in the repository is damaged'],
  [75, 'Nothing was done, on purpose: a condition did not hold, or a hook said so'],
  [130, 'Interrupted; run the command again to continue'],
];

/** The compiler sees to it that none is missing. */
const meanings: Readonly<Record<ErrorCode, string>> = {
  'storage/not-found': 'An object is not in the storage',
  'storage/already-exists': 'An object that should be new is there already',
  'storage/access-denied': 'The storage refuses: rights or credentials',
  'storage/out-of-space': 'The storage is full, or a quota is',
  'storage/bad-range': 'An object is shorter than it should be',
  'storage/no-container': 'The bucket, container, share or account that must be there is not',
  'storage/untrusted': 'The server could not prove who it is: host key or certificate',
  'storage/unavailable': 'The storage does not answer, or not in time',
  'repository/missing': 'There is no repository, or another one than this machine knows',
  'repository/exists': 'There is a repository already',
  'repository/occupied': 'The place for a new repository holds something else',
  'repository/wrong-passphrase': 'No key slot opens with what was given',
  'repository/locked': 'Another process is at work that excludes this one',
  'repository/damaged': 'Bytes are not those that were written',
  'repository/unsupported': 'The repository needs a newer program',
  'repository/read-only': 'The repository may only be read',
  'repository/not-permitted': 'The key does not permit this',
  'snapshot/missing': 'No snapshot is meant by what was given, or several are',
  'source/missing': 'What is to be backed up is not there',
  'source/unreadable': 'Something could not be read',
  'source/changed': 'Something changed while it was read, each time',
  'source/command-failed': 'The command whose output was backed up failed; there is no snapshot',
  'target/refused': 'Writing there would harm what is there',
  'target/unwritable': 'The target cannot hold something, or is full',
  'input/usage': 'The command line makes no sense',
  'input/invalid': 'A value or a file that was given makes no sense',
  'local/unwritable': 'State or cache on this machine cannot be written',
  'input/conflict': 'Somebody else has changed it meanwhile: read it again',
  'process/failed': 'Another program that is needed failed',
  'catalog/unavailable': 'The database of the service cannot be reached',
  'catalog/locked-out': 'The key is not the one that the catalog was written with',
  'catalog/unusable': 'The catalog is damaged, or was made by a newer version of the program',
  'job/missing': 'There is no such job',
  'job/busy': 'Another run does the same',
  'job/skipped': 'Nothing was done, on purpose: a condition did not hold, or a hook said so',
  'database/unavailable': 'The database to dump or to restore cannot be reached',
  'database/unsupported': 'The database or the version of its tools does not allow this',
  'database/failed': 'A dump failed or is not complete, or a database could not be restored',
  'container/unavailable': 'The socket for containers cannot be reached',
  'container/failed': 'A container could not be stopped or started, or a command in it failed',
  'notify/failed': 'A message could not be sent; it is tried again',
  'notify/refused': 'A message was refused: address, password or content are wrong',
  interrupted: 'The user, or the system, ended the command',
  internal: 'A fault of the program',
};

/** `docs/reference/exit-codes.md`. */
export function exitCodesPage(): string {
  const codes = Object.keys(meanings) as ErrorCode[];
  const rows = codes.map((code) => {
    const error = new AppError(code, '');
    const status = exitStatusOf(error);
    if (!statuses.some(([known]) => known === status)) {
      throw new Error(`Nothing explains the exit code ${status} of "${code}"`);
    }
    return [`\`${code}\``, meanings[code], String(status), isRetryable(error) ? 'yes' : ''];
  });
  return `${[
    '# Exit codes and error codes',
    'Made from the table of errors by `npm run reference`.',
    markdownTable([
      ['exit code', 'meaning'],
      ...statuses.map(([status, meaning]) => [String(status), meaning]),
    ]),
    'With `--json`, an error is an object with one of these codes (see [json.md](json.md)). *Tried again*: the program itself tries such a call again before it gives up (`--retries`).',
    markdownTable([['error code', 'meaning', 'exit code', 'tried again'], ...rows]),
  ].join('\n\n')}\n`;
}
