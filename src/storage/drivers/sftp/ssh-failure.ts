import { AppError, type ErrorCode } from '../../../base/errors.ts';

interface Meaning {
  readonly words: RegExp;
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

/** What the `ssh` program says of its failures, the more telling first. */
const meanings: readonly Meaning[] = [
  {
    words: /revoked/iu,
    code: 'storage/untrusted',
    text: 'its host key is revoked in the known hosts',
    hint: 'Do not connect: somebody else may have this key. Ask whoever runs the server for its new key',
  },
  {
    words:
      /HOST IDENTIFICATION HAS CHANGED|has changed and you have requested|differs from the key/iu,
    code: 'storage/untrusted',
    text: 'the host key is another one than expected',
    hint: 'Somebody may be listening in. If the server was set up anew, compare the fingerprint with "ssh-keygen -lf" of its key there, and replace the key that is known',
  },
  {
    words: /no matching host key type/iu,
    code: 'storage/untrusted',
    text: 'it does not show the host key that is known',
    hint: 'Compare the keys of the server ("ssh-keygen -lf" there) with the one that is known here',
  },
  {
    words: /host key is known for|host key verification failed/iu,
    code: 'storage/untrusted',
    text: 'the host key is not known',
    hint: 'Compare the fingerprint with "ssh-keygen -lf" of the key on the server; if it is the same, use it as option "host-key-fingerprint", or add the key to ~/.ssh/known_hosts',
  },
  {
    words: /permission denied|too many authentication failures/iu,
    code: 'storage/access-denied',
    text: 'it accepts no key that was offered',
    hint: 'Look at the user, the option "identity-file", the keys of the agent ("ssh-add -l"), and at "authorized_keys" on the server',
  },
  {
    words: /subsystem request failed/iu,
    code: 'storage/access-denied',
    text: 'it gives no access by SFTP',
    hint: 'Look whether its configuration has a line "Subsystem sftp", and whether this user may use it',
  },
  {
    words: /bad configuration option|unknown option|illegal option|bad local forwarding|^usage:/imu,
    code: 'input/usage',
    text: 'the ssh program does not understand its options',
    hint: 'Look at the option "ssh-command" and at ~/.ssh/config',
  },
  {
    words: /could not resolve hostname/iu,
    code: 'storage/unavailable',
    text: 'the name of the server is not known',
    hint: 'Look at the spelling of the host, and whether this machine is online',
  },
  {
    words: /connection refused/iu,
    code: 'storage/unavailable',
    text: 'nothing answers at that address',
    hint: 'Look at host and port, and whether the server runs',
  },
  {
    words: /network is unreachable|no route to host/iu,
    code: 'storage/unavailable',
    text: 'no way leads to that address',
    hint: 'Look at the address, and whether this machine is online',
  },
  { words: /timed out|timeout/iu, code: 'storage/unavailable', text: 'the server does not answer' },
];

/** The end of the `ssh` program as an error; `words` is what it said last. */
export function sshFailure(words: string, where: string, status: number | undefined): AppError {
  const meaning = meanings.find((candidate) => candidate.words.test(words));
  const said = words.replaceAll(/\s+/gu, ' ').slice(-300);
  return new AppError(
    meaning?.code ?? 'storage/unavailable',
    `Cannot reach "${where}": ${meaning?.text ?? `ssh has failed, ${said}`}`,
    {
      cause: new Error(words),
      ...(meaning?.hint !== undefined && { hint: meaning.hint }),
      details: status === undefined ? {} : { status },
    },
  );
}
