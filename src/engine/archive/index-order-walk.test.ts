import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import fc from 'fast-check';

import { openHandles, scratchDirectory } from '#test/support/scratch-directory.ts';
import { planSources } from '../../source/filesystem/source-plan.ts';
import { walk } from '../../source/filesystem/walk.ts';
import type { SourceWalkEvent } from '../source-walk.ts';
import { inIndexOrder } from './index-order-walk.ts';

function* events(
  root: string,
  keepEmpty: (path: string) => boolean = () => true,
  batchSize = 1024,
): Generator<SourceWalkEvent> {
  for (const event of walk(planSources([root]), { batchSize })) {
    if (event.type === 'enter') {
      yield { ...event, keepEmpty: keepEmpty(Buffer.from(event.path).toString()) };
    } else yield event;
  }
}

function pathsOf(...given: Parameters<typeof events>): string[] {
  const paths: string[] = [];
  for (const event of inIndexOrder(events(...given))) {
    assert.equal(event.type, 'entry');
    paths.push(Buffer.from(event.path).toString('latin1'));
  }
  return paths;
}

function make(root: string, files: readonly string[]): void {
  for (const file of files) {
    const full = path.join(root, file);
    mkdirSync(path.dirname(full), { recursive: true });
    if (file.endsWith('/')) mkdirSync(full, { recursive: true });
    else writeFileSync(full, file);
  }
}

test('what lies in a directory comes between it and the names behind it', () => {
  using scratch = scratchDirectory();
  make(scratch.path, ['sort/a', 'sort!', 'sort.d/b', 'sort0', 'a/x/y', 'a/b', 'empty/', 'z']);
  const expected = [
    ['', 'a', 'a/b', 'a/x', 'a/x/y', 'empty'],
    ['sort', 'sort/a', 'sort!', 'sort.d', 'sort.d/b', 'sort0', 'z'],
  ].flat();
  assert.deepEqual(pathsOf(scratch.path), expected);
  assert.deepEqual(
    pathsOf(scratch.path, () => true, 1),
    expected,
  );
});

test('a directory that is wanted for what is below is told of before that, or never', () => {
  using scratch = scratchDirectory();
  make(scratch.path, ['a/b/c/file', 'a/e/', 'd/']);
  assert.deepEqual(
    pathsOf(scratch.path, () => false),
    ['', 'a', 'a/b', 'a/b/c', 'a/b/c/file'],
  );
  assert.deepEqual(
    pathsOf(scratch.path, (one) => one.endsWith('/e')),
    ['', 'a', 'a/b', 'a/b/c', 'a/b/c/file', 'a/e'],
  );
});

test('any tree comes in the order of its components, whole', () => {
  const name = fc.constantFrom('a', 'a!', 'a.', 'a0', 'b', 'B');
  const file = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  fc.assert(
    fc.property(
      fc.array(file, { maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      (files, size) => {
        using scratch = scratchDirectory();
        const all = new Set(['']);
        for (const one of files) {
          try {
            make(scratch.path, [one]);
          } catch {
            continue;
          }
          const parts = one.split('/');
          for (const index of parts.keys()) all.add(parts.slice(0, index + 1).join('/'));
        }
        const order = (text: string): string => text.replaceAll('/', '\0');
        const expected = [...all].sort((left, right) => (order(left) < order(right) ? -1 : 1));
        assert.deepEqual(
          pathsOf(scratch.path, () => true, size),
          expected,
        );
      },
    ),
    { numRuns: 60 },
  );
});

test('files can be opened when they are told of, and handles are given back when the walk is left', () => {
  using scratch = scratchDirectory();
  const before = openHandles();
  const long = Array.from({ length: 20 }, () => 'n'.repeat(250));
  let deep = scratch.path;
  for (const one of long.slice(0, 14)) {
    deep = path.join(deep, one);
    mkdirSync(deep);
  }
  make(deep, ['a/x', 'b', 'c']);
  const walking = inIndexOrder(events(scratch.path));
  for (const event of walking) {
    if (event.type !== 'entry' || !Buffer.from(event.path).toString().endsWith('/b')) continue;
    assert.equal(event.location?.pathOf(event.entry.name).at(-1), 'b'.charCodeAt(0));
    break;
  }
  assert.equal(openHandles(), before);
});
