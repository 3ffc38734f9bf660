import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { parseRemoteName, withParts } from './remote-name.ts';

describe('a remote in the words of Duplicati', () => {
  for (const [text, name, path, meant] of [
    ['drive/a', undefined, undefined, 'drive/a'],
    ['', 'drive', 'a/b', 'drive:a/b'],
    ['other/a', 'drive', undefined, 'drive:a'],
    ['drive:a', undefined, 'b', 'drive:b'],
    ['', 'drive:', undefined, 'drive:'],
  ] as const) {
    test(`"${text}", "${name}" and "${path}" are "${meant}"`, () =>
      assert.equal(withParts(text, { name, path }), meant));
  }

  test('has no options, which could be secrets', () =>
    assert.throws(
      () => withParts('', { name: 'drive,pass=hush', path: '' }),
      (error) => hasCode(error, 'input/usage') && !error.message.includes('hush'),
    ));
});

describe('the name of a remote', () => {
  for (const [text, remote, configured, isPlain] of [
    ['drive:backup', 'drive:backup', 'drive', true],
    ['drive:/backup', 'drive:/backup', 'drive', true],
    ['drive/backup/x', 'drive:backup/x', 'drive', true],
    ['drive', 'drive:', 'drive', true],
    ['my drive:a b', 'my drive:a b', 'my drive', true],
    ['drive/a:b', 'drive:a:b', 'drive', true],
    ['drive:a,url=http://h', 'drive:a,url=http://h', 'drive', true],
    ['dav,user=a,url="http://h/":p', 'dav,user=a,url="http://h/":p', 'dav', false],
    ['dav,url="http://h/":p', 'dav,url="http://h/":p', 'dav', false],
    [':sftp,host=h:p', ':sftp,host=h:p', undefined, false],
  ] as const) {
    test(`of "${text}" is "${remote}"`, () =>
      assert.deepEqual(parseRemoteName(text), { remote, configured, isPlain }));
  }

  test('is not told with what follows it when it is wrong', () =>
    assert.throws(
      () => parseRemoteName('-dav,pass=hush:p'),
      (error) => hasCode(error, 'input/usage') && !error.message.includes('hush'),
    ));

  for (const text of [
    ':webdav,url=http://h/dav,pass=hush:p',
    'dav,user="a,b",url=https://x:hush@h/dav:p',
  ]) {
    test('has addresses in quotes: otherwise what follows would be a path, and shown', () =>
      assert.throws(
        () => parseRemoteName(text),
        (error) =>
          hasCode(error, 'input/usage') &&
          /"url" of the remote has no quotes/u.test(error.message) &&
          !`${error.message} ${error.hint}`.includes('hush'),
      ));
  }

  for (const text of ['', '/etc', '--config=x:y', '-a:b', './x', ':', '../x']) {
    test(`is not in "${text}"`, () =>
      assert.throws(
        () => parseRemoteName(text),
        (error) => hasCode(error, 'input/usage'),
      ));
  }
});
