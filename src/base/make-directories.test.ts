import assert from 'node:assert/strict';
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';

import { makeDirectories, makeDirectoriesSync } from './make-directories.ts';

for (const [name, make] of [
  ['makeDirectories()', makeDirectories],
  [
    'makeDirectoriesSync()',
    async (...given: Parameters<typeof makeDirectoriesSync>) => makeDirectoriesSync(...given),
  ],
] as const) {
  describe(name, () => {
    test('makes what is missing, and is content with what is there', async () => {
      using scratch = scratchDirectory();
      const inner = scratch.of('one', 'two', 'three');
      await make(inner, { mode: 0o700 });
      await make(`${inner}/`, { mode: 0o755 });
      for (const place of [inner, scratch.of('one')]) {
        assert.equal(statSync(place).mode & 0o777, 0o700);
      }
      symlinkSync('one', scratch.of('link'));
      await make(scratch.of('link'));
      await make(scratch.of('link', 'more'));
      assert.ok(statSync(scratch.of('one', 'more')).isDirectory());
      // The last of these is there by the time that it is made.
      await make(`${scratch.of('new', 'inner')}/`);
      assert.ok(statSync(scratch.of('new', 'inner')).isDirectory());
    });

    test('does not mind that several make the same', async () => {
      using scratch = scratchDirectory();
      const inner = scratch.of('one', 'two', 'three');
      await Promise.all(Array.from({ length: 10 }, () => make(inner)));
      assert.ok(statSync(inner).isDirectory());
    });

    test('says what the system says, once', async () => {
      using scratch = scratchDirectory();
      mkdirSync(scratch.of('directory'));
      writeFileSync(scratch.of('file'), '');
      symlinkSync('nowhere', scratch.of('link'));
      for (const [place, code] of [
        [scratch.of('file'), 'EEXIST'],
        [scratch.of('file', 'x', 'y'), 'ENOTDIR'],
        [scratch.of('link'), 'EEXIST'],
        [scratch.of('link', 'x'), 'EEXIST'],
        ['/proc/x', 'ENOENT'],
        ['/proc/x/y', 'ENOENT'],
      ] as const) {
        await assert.rejects(make(place), { code }, place);
      }
    });
  });
}
