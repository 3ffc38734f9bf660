import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { actionsOf, restoreNewest, snapshotOf } from '../../../test/support/small-restore.ts';
import { parseRule } from '../../model/filter-rule.ts';
import { compilePathFilter } from '../../model/path-filter.ts';

/** All that is in a directory. */
function namesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String).toSorted();
}

describe('what a restore leaves in the target', () => {
  test('with "delete", what the filter leaves out stays, however deep it lies', async () => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) =>
      writeFileSync(`${at}/a`, ''),
    );
    mkdirSync(`${source}/extra/deep/gone`, { recursive: true });
    mkdirSync(`${source}/keys.d/below`, { recursive: true });
    for (const name of ['top.key', 'extra/deep/my.key', 'extra/deep/other', 'keys.d/below/x']) {
      writeFileSync(`${source}/${name}`, '');
    }
    const filter = compilePathFilter([parseRule('*.key', 'exclude'), parseRule('*.d/', 'exclude')]);
    const removed = ['extra/deep/gone', 'extra/deep/other'].map((name) => `${source}/${name}`);
    const input = { target: undefined, delete: true, filter };
    for (const dryRun of [true, false]) {
      const restored = await restoreNewest(storage, scratch.path, { ...input, dryRun });
      assert.deepEqual(actionsOf(restored, 'deleted').toSorted(), removed);
      assert.equal(restored.summary.details?.['deleted'], 2);
    }
    const kept = ['extra', 'extra/deep', 'extra/deep/my.key', 'keys.d', 'keys.d/below'];
    assert.deepEqual(namesIn(source), ['a', ...kept, 'keys.d/below/x', 'top.key']);
  });
});
