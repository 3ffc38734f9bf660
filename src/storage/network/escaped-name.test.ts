import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { hasForbiddenName, keyOf } from '#test/servers/simulators/onedrive-rules.ts';

import { AppError } from '../../base/errors.ts';
import { checkObjectName } from '../object-name.ts';
import { nameCodec } from './escaped-name.ts';

const { encode, decode } = nameCodec('escaped');

const isName = (name: string): boolean => {
  try {
    checkObjectName(name);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
};

/** Names with everything that could be folded, normalised, reserved or forbidden. */
const names = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...Array.from(
          'aAbBzZ019._- !~$%#"*:<>?\\|/\u0001\u007FäÄßẞſKkéﬁµΣσςİıI日本\u0301\u1100\u1161🙂ﾊ',
        ),
      ),
      fc.constantFrom('con', 'AUX', 'desktop.ini', '_vti_', '.lock', '!41', '!c3', 'e\u0301'),
      fc.string({ unit: 'binary', maxLength: 2 }),
    ),
    { maxLength: 8 },
  )
  .map((pieces) => pieces.join(''))
  .filter(isName);

describe('escaped names', () => {
  test('are read back as they were', () => {
    fc.assert(
      fc.property(names, (name) => assert.equal(decode(encode(name)), name)),
      {
        numRuns: 3000,
      },
    );
  });

  test('are the same for a service that folds case and normalises', () => {
    fc.assert(
      fc.property(names, (name) => {
        const written = encode(name);
        assert.equal(keyOf(written), written);
        assert.equal(written.toLowerCase(), written);
        for (const form of ['NFC', 'NFD', 'NFKC'] as const)
          assert.equal(
            keyOf(written.normalize(form)),
            keyOf(written.normalize(form)).normalize(form),
          );
        assert.equal(written.normalize('NFC'), written);
      }),
      { numRuns: 3000 },
    );
  });

  test('are allowed everywhere', () => {
    fc.assert(
      fc.property(names, (name) => {
        const written = encode(name);
        if (written.length < 200) assert.ok(!hasForbiddenName(`/${written}`), written);
      }),
      { numRuns: 3000 },
    );
  });

  test('of our own format need no escape', () => {
    for (const name of ['packs/0a/0aff', 'settings/1-99c6', 'holdfast', 'a_b.c-d'])
      assert.equal(encode(name), name);
  });

  test('nothing else is taken for one', () => {
    for (const path of ['Upper', '!4', '!zz', '!61', 'a!', 'trailing.', '!C3!A9', 'é', '!ff'])
      assert.equal(decode(path), undefined, path);
  });
});

describe('plain names', () => {
  const plain = nameCodec('plain');

  test('are written as they are, and what is forbidden is refused', () => {
    const archive = 'duplicity-full.20260801T000000Z.vol1.difftar.gpg';
    assert.equal(plain.encode(archive), archive);
    assert.equal(plain.decode(archive), archive);
    for (const name of ['a:b', 'a/b?', 'ends.', ' starts'])
      assert.throws(() => plain.encode(name), AppError);
  });
});
