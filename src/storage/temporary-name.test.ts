import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  asideBeside,
  claimBeside,
  isReserved,
  isUnfinished,
  temporaryBeside,
  temporaryName,
} from './temporary-name.ts';

describe('a temporary name', () => {
  test('is new, beside the file, and recognised', () => {
    for (const [file, directory] of [
      ['/a/b', '/a/'],
      ['/b', '/'],
      ['a/b', 'a/'],
      ['b', ''],
    ] as const) {
      const name = temporaryBeside(file);
      assert.match(name.slice(directory.length), /^\.holdfast-unfinished-[0-9a-f]{24}$/u);
      assert.ok(name.startsWith(directory));
      assert.notEqual(temporaryBeside(file), name);
      assert.ok(isUnfinished(name) && isReserved(name));
    }
    assert.match(temporaryName(), /^\.holdfast-unfinished-[0-9a-f]{24}$/u);
  });

  test('of a claim is the same for all who want the object', () => {
    assert.equal(claimBeside('/a/b'), '/a/.holdfast-unfinished-claim-b');
    assert.equal(claimBeside('b'), '.holdfast-unfinished-claim-b');
    assert.ok(isUnfinished(claimBeside('/a/b')));
  });

  test('of what is put aside is hidden, and never taken for something unfinished', () => {
    const aside = asideBeside('/a/b');
    assert.match(aside, /^\/a\/\.holdfast-replaced-[0-9a-f]{8}-b$/u);
    assert.ok(isReserved(aside));
    assert.ok(!isUnfinished(aside));
  });

  test('is recognised when a server has heard only its beginning', () => {
    for (const name of ['a/.holdfast-u', '.holdfast-unfin', '/b/.holdfast-unfinished'])
      assert.ok(isUnfinished(name), name);
    assert.ok(!isUnfinished('.holdfast-rep'), 'what is put aside may be the only copy');
  });

  test('is no other name', () => {
    for (const name of [
      '',
      '/a/b',
      '/.holdfast-unfinished-x/b',
      'holdfast',
      '.holdfast',
      '.holdfast-',
      '.holdfast-unfinished.txt',
    ])
      assert.ok(!isReserved(name), name);
  });
});
