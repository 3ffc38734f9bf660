import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, test } from 'node:test';

import { scratchDirectory } from '../../../test/support/scratch-directory.ts';
import {
  actionsOf,
  problemsOf,
  restoreNewest,
  snapshotOf,
} from '../../../test/support/small-restore.ts';
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
    chmodSync(`${source}/extra/deep`, 0o500);
    const removed = ['extra/deep/gone', 'extra/deep/other'].map((name) => `${source}/${name}`);
    const input = { target: undefined, delete: true, filter };
    for (const dryRun of [true, false]) {
      const restored = await restoreNewest(storage, scratch.path, { ...input, dryRun });
      assert.deepEqual(actionsOf(restored, 'deleted').toSorted(), removed);
      assert.equal(restored.summary.details?.['deleted'], 2);
    }
    const kept = ['extra', 'extra/deep', 'extra/deep/my.key', 'keys.d', 'keys.d/below'];
    assert.deepEqual(namesIn(source), ['a', ...kept, 'keys.d/below/x', 'top.key']);
    assert.equal(statSync(`${source}/extra/deep`).mode & 0o777, 0o500);
    chmodSync(`${source}/extra/deep`, 0o700);
  });

  test('a directory with something in it gives way to something else only with "delete"', async () => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) => {
      for (const name of ['empty', 'file', 'last']) writeFileSync(`${at}/${name}`, 'snapshot');
      symlinkSync('nowhere', `${at}/link`);
    });
    for (const name of ['empty', 'file', 'link']) rmSync(`${source}/${name}`);
    mkdirSync(`${source}/empty`);
    mkdirSync(`${source}/file/deep`, { recursive: true });
    mkdirSync(`${source}/link`);
    const mine = ['file/deep/mine', 'link/a.key', 'link/mine'];
    for (const name of mine) writeFileSync(`${source}/${name}`, 'mine');
    for (const dryRun of [true, false]) {
      const input = { target: undefined, policy: 'always', dryRun } as const;
      const restored = await restoreNewest(storage, scratch.path, input);
      assert.deepEqual(problemsOf(restored).toSorted(), [
        'Refused to restore "file": a directory with something in it is there',
        'Refused to restore "link": a directory with something in it is there',
      ]);
      assert.deepEqual(actionsOf(restored, 'deleted'), []);
    }
    const left = ['empty', 'file', 'file/deep', ...mine, 'last', 'link'];
    assert.deepEqual(namesIn(source), left.toSorted());
    const filter = compilePathFilter([parseRule('*.key', 'exclude')]);
    const input = { target: undefined, delete: true };
    const filtered = await restoreNewest(storage, scratch.path, { ...input, filter });
    assert.equal(problemsOf(filtered).length, 1);
    assert.deepEqual(namesIn(source), ['empty', 'file', 'last', 'link', 'link/a.key', 'link/mine']);
    const whole = await restoreNewest(storage, scratch.path, input);
    assert.deepEqual(problemsOf(whole), []);
    assert.deepEqual(namesIn(source), ['empty', 'file', 'last', 'link']);
  });
});
