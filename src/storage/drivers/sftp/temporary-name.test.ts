import assert from 'node:assert/strict';
import { test } from 'node:test';

import { asideBeside, isReserved, isUnfinished, temporaryBeside } from './temporary-name.ts';

test('an unfinished file is recognised as one', () => {
  for (const file of ['/a/b', '/b']) {
    assert.ok(isUnfinished(temporaryBeside(file)));
    assert.ok(isReserved(temporaryBeside(file)));
  }
});

test('what is put aside is hidden, and is never taken for something unfinished', () => {
  const aside = asideBeside('/a/b');
  assert.match(aside, /^\/a\/\.holdfast-replaced-[0-9a-f]{8}-b$/u);
  assert.ok(isReserved(aside));
  assert.ok(!isUnfinished(aside));
});

test('other names are free', () => {
  for (const name of ['/a/b', '/.holdfast-unfinished-x/b', 'holdfast'])
    assert.ok(!isReserved(name));
});
