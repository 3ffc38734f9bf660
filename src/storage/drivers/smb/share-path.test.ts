import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { sharePath, userAndDomain } from './share-path.ts';

describe('the path of an SMB URL', () => {
  for (const [path, expected] of [
    ['/share', 'share'],
    ['/share/a/b/', 'share/a/b'],
    ['//share//a', 'share/a'],
    ['\\share\\a', 'share/a'],
  ] as const)
    test(`"${path}" is "${expected}"`, () => assert.equal(sharePath(path), expected));

  for (const path of ['', '/', '/share/../other'])
    test(`"${path}" is refused`, () =>
      assert.throws(
        () => sharePath(path),
        (error) => hasCode(error, 'input/usage'),
      ));

  test('a user may have a domain', () => {
    assert.deepEqual(userAndDomain('OFFICE;anna'), { user: 'anna', domain: 'OFFICE' });
    assert.deepEqual(userAndDomain('OFFICE\\anna'), { user: 'anna', domain: 'OFFICE' });
    assert.deepEqual(userAndDomain('anna'), { user: 'anna' });
  });
});
