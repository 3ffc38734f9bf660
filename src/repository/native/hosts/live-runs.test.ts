import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { LiveRuns } from './live-runs.ts';

test('a run is alive until it ends, and leaves nothing', () => {
  using scratch = scratchDirectory();
  const runs = new LiveRuns(scratch.path, assert.fail);
  {
    using _life = runs.hold('a');
    assert.ok(runs.isAlive('a'));
    assert.ok(!runs.isAlive('b'));
  }
  assert.ok(!runs.isAlive('a'));
  assert.deepEqual(readdirSync(scratch.of('runs')), []);
});

test('a directory that cannot be written to is told as such, with what to do', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), '');
  const runs = new LiveRuns(scratch.of('file'), assert.fail);
  assert.throws(() => runs.hold('a'), { code: 'local/unwritable', hint: /state directory/u });
});

test('a file that cannot be removed is no failure of a run that is over', () => {
  using scratch = scratchDirectory();
  const warned: string[] = [];
  const runs = new LiveRuns(scratch.path, ({ code }) => warned.push(code));
  {
    using _life = runs.hold('a');
    rmSync(scratch.of('runs', 'a.lock'));
    mkdirSync(scratch.of('runs', 'a.lock'));
  }
  assert.deepEqual(warned, ['local/unwritable']);
});
