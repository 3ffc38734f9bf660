import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { systemClock } from '../base/clock.ts';
import { parseRule } from '../model/filter-rule.ts';
import { compilePathFilter } from '../model/path-filter.ts';
import { planSources } from '../source/filesystem/source-plan.ts';
import type { WalkMemory } from '../source/filesystem/walk-memory.ts';
import { rememberedNames } from '#test/support/remembered-names.ts';
import { openHandles, scratchDirectory } from '#test/support/scratch-directory.ts';
import { SourceWalk, type RememberingSourceWalkEvent } from './source-walk.ts';

const everything = compilePathFilter([]);

function described(events: Iterable<RememberingSourceWalkEvent>): string[] {
  return [...events].map((event) => {
    if (event.type === 'entries') event.location.release();
    const names =
      event.type === 'entries'
        ? event.entries.map(({ name }) => Buffer.from(name).toString()).join(',')
        : '';
    return `${event.type} ${Buffer.from(event.path).toString().split('/').at(-1)} ${names}`;
  });
}

/** Remembers of each directory what it holds. */
const knowing: WalkMemory = {
  quietSince: Infinity,
  recall: (path) => rememberedNames(readdirSync(Buffer.from(path)), () => true),
};

/** A directory in a path so long that the walk opens it, and holds it for those who read its files. */
function makeDeep(root: string): void {
  const deep = join(root, ...Array.from({ length: 15 }, () => 'd'.repeat(240)));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'file'), '');
}

function makeTree(root: string): void {
  for (const directory of ['a', 'b', 'b/cache']) mkdirSync(join(root, directory));
  for (const file of ['a/one', 'b/two', 'b/cache/three', 'four'])
    writeFileSync(join(root, file), '');
}

describe('SourceWalk', () => {
  test('gives the same events begun early or not', async () => {
    using scratch = scratchDirectory();
    makeTree(scratch.path);
    const plan = planSources([scratch.path]);
    const filter = compilePathFilter([parseRule('cache', 'exclude')]);
    using late = new SourceWalk(plan, filter, {});
    const expected = described(late.take());
    using early = new SourceWalk(plan, filter, {});
    early.begin(() => systemClock.monotonic());
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    assert.deepEqual(described(early.take()), expected);
    assert.ok(expected.some((line) => line.includes('two')));
    assert.ok(!expected.some((line) => line.includes('three')));
  });

  test('has looked before anybody takes its events', async () => {
    using scratch = scratchDirectory();
    makeTree(scratch.path);
    using walk = new SourceWalk(planSources([scratch.path]), everything, {});
    walk.begin(() => systemClock.monotonic());
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    writeFileSync(join(scratch.path, 'a/late'), '');
    assert.ok(!described(walk.take()).some((line) => line.includes('late')));
  });

  test('throws what went wrong early when the events are taken', async () => {
    using scratch = scratchDirectory();
    const root = join(scratch.path, 'root');
    mkdirSync(root);
    const plan = planSources([root]);
    rmSync(root, { recursive: true });
    using walk = new SourceWalk(plan, everything, {});
    walk.begin(() => systemClock.monotonic());
    await nextTurn();
    assert.throws(() => described(walk.take()), { code: /^source\// });
  });

  for (const [what, memory] of [
    ['found', undefined],
    ['unchanged', knowing],
  ] as const) {
    test(`holds no directory when it ends before all its events are taken: ${what}`, async () => {
      using scratch = scratchDirectory();
      makeDeep(scratch.path);
      const plan = planSources([scratch.path]);
      const before = openHandles();
      for (const taken of [undefined, 0, 1, 5]) {
        using walk = new SourceWalk(plan, everything, {}, memory);
        walk.begin(() => systemClock.monotonic());
        for (let turn = 0; turn < 5; turn++) await nextTurn();
        assert.ok(openHandles() > before);
        if (taken === undefined) continue;
        let left = taken;
        for (const event of walk.take()) {
          if ('location' in event) event.location.release();
          if (left-- === 0) break;
        }
      }
      assert.equal(openHandles(), before);
    });
  }
});
