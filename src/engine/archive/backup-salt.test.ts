import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { backUpScratch } from '#test/support/archive-backup.ts';
import { symmetricProtection } from '#test/support/duplicity-fixture.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';

/** Where the salt stands in a message (docs/formats/duplicity.md 11.1). */
const saltAt = 6;

test('an incremental set costs one key: it has the salt of its chain, and another chain has another', async () => {
  using scratch = scratchDirectory();
  const protection = symmetricProtection('secret');
  mkdirSync(scratch.of('source'));
  const seen = new Set<string>();
  const saltsOfNew = (): string[] => {
    const names = readdirSync(scratch.of('dest')).filter((name) => !seen.has(name));
    for (const name of names) seen.add(name);
    assert.equal(names.length, 3);
    const salts = names.map((name) =>
      readFileSync(scratch.of('dest', name)).toString('hex', saltAt, saltAt + 8),
    );
    return Array.from(new Set(salts));
  };
  await backUpScratch(scratch, { protection, time: 1_700_000_000 });
  const first = saltsOfNew();
  assert.equal(first.length, 1);
  writeFileSync(scratch.of('source', 'a'), 'new');
  await backUpScratch(scratch, { protection, time: 1_700_000_010 });
  assert.deepEqual(saltsOfNew(), first);
  await backUpScratch(scratch, { protection, time: 1_700_000_020, kind: 'full' });
  const other = saltsOfNew();
  assert.equal(other.length, 1);
  assert.notDeepEqual(other, first);
});
