import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { hasCode } from '../../base/errors.ts';
import { checkObjectName } from '../object-name.ts';
import { encodeKey, ObjectKeys } from './object-keys.ts';

/** Names made of what the escape is about. */
const names = fc
  .array(fc.constantFrom('%', '2', '5', 'C', '7', 'F', '0', '1', '\\', '\u0001', 'a', '/', 'ü'), {
    minLength: 1,
    maxLength: 12,
  })
  .map((characters) => characters.join(''))
  .filter((name) => {
    try {
      checkObjectName(name);
      return true;
    } catch {
      return false;
    }
  });

describe('object keys', () => {
  test('lead back to the name, and hold no backslash and no control character', () => {
    const keys = new ObjectKeys('/backups/one/');
    fc.assert(
      fc.property(names, (name) => {
        const key = keys.keyOf(name);
        assert.equal(keys.nameOf(key), name);
        assert.ok(key.startsWith('backups/one/'));
        // oxlint-disable-next-line no-control-regex
        assert.doesNotMatch(key, /[\\\u0000-\u001f\u007f]/u);
      }),
      { numRuns: 2000 },
    );
  });

  test('of names with a prefix begin with its start', () => {
    const keys = new ObjectKeys('');
    fc.assert(
      fc.property(names, fc.nat(12), (name, length) => {
        assert.ok(keys.keyOf(name).startsWith(keys.startOf(name.slice(0, length))));
      }),
      { numRuns: 2000 },
    );
  });

  test('of ordinary names are the names', () => {
    const keys = new ObjectKeys('');
    for (const name of ['packs/00/aé', 'per%20cent', '100%', '%zz'])
      assert.equal(keys.keyOf(name), name);
    assert.equal(new ObjectKeys('a/b').keyOf('c'), 'a/b/c');
  });

  test('of other paths and of directories have no name', () => {
    const keys = new ObjectKeys('a');
    for (const key of ['a/', 'ab', 'b/c', 'a/d/']) assert.equal(keys.nameOf(key), undefined);
  });

  test('have no root that is no name', () => {
    assert.throws(
      () => new ObjectKeys('a/../b'),
      (error) => hasCode(error, 'input/usage'),
    );
  });

  test('are encoded part by part', () => {
    assert.equal(encodeKey("a b/ü/%/it's(1)*!"), 'a%20b/%C3%BC/%25/it%27s%281%29%2A%21');
  });
});
