import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { rcloneEndError, rcloneError } from './rclone-error.ts';

describe('errors of rclone', () => {
  // As rclone 1.60 and 1.75 say them.
  const said: readonly (readonly [string, string])[] = [
    ['object not found', 'storage/not-found'],
    ['failed to read private key file: open /k: no such file or directory', 'storage/unavailable'],
    ['dial unix /run/agent.sock: connect: no such file or directory', 'storage/unavailable'],
    ['error in ListJSON: directory not found', 'storage/not-found'],
    ['lstat /data/h/x: not a directory', 'storage/not-found'],
    ['is a file not a directory', 'storage/access-denied'],
    ["didn't find section in config file", 'input/usage'],
    [
      `couldn't connect SMB: response error: The attempted logon is invalid. This is either due to a bad username or authentication information.`,
      'storage/access-denied',
    ],
    [
      `couldn't initialize SMB: response error: {Network Name Not Found} The specified share name cannot be found on the remote server.`,
      'storage/no-container',
    ],
    [
      `couldn't connect SSH: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password]`,
      'storage/access-denied',
    ],
    ["couldn't connect SSH: ssh: handshake failed: EOF", 'storage/unavailable'],
    ['dial tcp 127.0.0.1:445: connect: connection refused', 'storage/unavailable'],
    [
      'Post request put error: failed to make parent directories: mkdir a: not a directory',
      'storage/access-denied',
    ],
    [
      'Post request put error: Update mkParentDir failed: Conflict: 409 Conflict',
      'storage/unavailable',
    ],
    ['ssh: handshake failed: knownhosts: key mismatch', 'storage/untrusted'],
    ['x509: certificate has expired or is not yet valid', 'storage/untrusted'],
    ['googleapi: Error 403: User Rate Limit Exceeded', 'storage/unavailable'],
    [
      'googleapi: Error 403: The user has exceeded their Drive storage quota',
      'storage/out-of-space',
    ],
    ['write /disk/x: no space left on device', 'storage/out-of-space'],
    [
      'write x: response error: An operation failed because the disk was full.',
      'storage/out-of-space',
    ],
    ['rename a b: file already exists', 'storage/already-exists'],
    ['NoSuchBucket: The specified bucket does not exist', 'storage/no-container'],
    ['something that nobody has foreseen', 'storage/unavailable'],
    ['open quota/certificate: unexpected EOF', 'storage/unavailable'],
    ['', 'storage/unavailable'],
  ];
  for (const [words, code] of said)
    test(`"${words}" is ${code}`, () => assert.equal(rcloneError(words, 'store "a"').code, code));

  test('is one sentence without tokens', () => {
    const { message } = rcloneError(
      'Put "https://me:pass@host/a?access_token=geheim&x=1": bad\nthing\n',
      'store "a"',
    );
    assert.equal(message, 'Cannot store "a": rclone reports "Put "https://host/a?…": bad thing"');
  });

  test('says what to do about a server that cannot be reached', () => {
    const hintFor = (words: string): string | undefined => rcloneEndError(words).hint;
    const before = 'Failed to create file system for "holdfast:": couldn\'t connect SMB: dial tcp';
    assert.match(
      hintFor(`${before} 127.0.0.1:1: connect: connection refused`) ?? '',
      /host and port/u,
    );
    const unknown = rcloneEndError(`${before}: lookup nas.invalid: no such host`);
    assert.match(unknown.hint ?? '', /spelling of the host/u);
    assert.doesNotMatch(unknown.message, /file system/u);
  });

  test('a flag that it does not know is named, without the explanation of all others', () => {
    const { code, message, hint } = rcloneEndError(
      '--user string User name; Use "rclone help flags" for to see them.; Fatal error: unknown flag: --nonsense',
    );
    assert.equal(code, 'input/usage');
    assert.equal(
      message,
      'Cannot use the remote: rclone does not understand a flag ("unknown flag: --nonsense")',
    );
    assert.match(hint ?? '', /"flags"/u);
  });

  test('nothing that it ends with says that an object is missing', () => {
    assert.equal(rcloneEndError('open /c: no such file or directory').code, 'storage/unavailable');
    assert.equal(rcloneEndError('no space left on device').code, 'storage/out-of-space');
  });
});
