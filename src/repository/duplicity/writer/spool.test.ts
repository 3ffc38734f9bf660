import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';

import { openHandles, scratchDirectory } from '#test/support/scratch-directory.ts';
import { collectAll } from '../../../storage/byte-stream.ts';
import { Spool } from './spool.ts';

test('what is short stays in memory, what is long has no name, and both are read as often as wanted', async () => {
  using scratch = scratchDirectory();
  const handles = openHandles();
  for (const [pieces, length] of [
    [3, 1000],
    [11, 999_983],
  ] as const) {
    using spool = new Spool(scratch.path);
    const all = Buffer.alloc(pieces * length);
    for (let index = 0; index < pieces; index++) {
      const piece = Buffer.alloc(length, index + 1);
      all.set(piece, index * length);
      spool.write(piece);
    }
    assert.equal(spool.size, all.length);
    assert.deepEqual(readdirSync(scratch.path), []);
    const [first, second] = await Promise.all([
      collectAll(spool.stream()),
      collectAll(spool.stream()),
    ]);
    assert.ok(all.equals(first));
    assert.ok(all.equals(second));
    await spool.saveAs(scratch.of('copy'));
    assert.ok(all.equals(readFileSync(scratch.of('copy'))));
    await assert.rejects(spool.saveAs(scratch.of('copy')), { code: 'local/unwritable' });
    rmSync(scratch.of('copy'));
  }
  assert.equal(openHandles(), handles);
});

test('where no temporary file can be made, that is said', () => {
  using spool = new Spool('/nothing/here');
  spool.write(new Uint8Array(1000));
  assert.throws(() => spool.write(new Uint8Array(5_000_000)), { code: 'local/unwritable' });
});
