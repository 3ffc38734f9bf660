import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Final } from '../../repository/native/objects/final.ts';
import { leadingDirectories, originalRoot, pathInSnapshot } from './original-place.ts';

function finalOf(paths: readonly string[], commonParent?: string, sourceKind = 'files'): Final {
  return {
    id: '0'.repeat(32),
    root: new Uint8Array(0),
    started: 0,
    ended: undefined,
    hostName: undefined,
    userName: undefined,
    paths: paths.map((path) => Buffer.from(path)),
    tags: [],
    runId: '0'.repeat(32),
    statistics: undefined,
    program: undefined,
    commonParent: commonParent === undefined ? undefined : Buffer.from(commonParent),
    sourceKind: sourceKind as Final['sourceKind'],
  };
}

const text = (path: Uint8Array): string => Buffer.from(path).toString();

test('the original place is the source, or what several have in common', () => {
  assert.equal(text(originalRoot(finalOf(['/home/u']))), '/home/u');
  assert.equal(text(originalRoot(finalOf(['/home/a', '/home/b'], '/home'))), '/home');
  assert.equal(text(originalRoot(finalOf(['pg_dump shop'], undefined, 'command'))), '/');
});

test('a path may be given below the root or as it was on the machine', () => {
  const final = finalOf(['/home/u']);
  for (const path of ['docs/a', '/docs/a', '/home/u/docs/a', '/home//u/docs/a/']) {
    assert.equal(text(pathInSnapshot(final, Buffer.from(path))), 'docs/a', path);
  }
  assert.equal(text(pathInSnapshot(final, Buffer.from('/home/u'))), '');
  assert.equal(text(pathInSnapshot(final, Buffer.from('home/u'))), 'home/u');
  assert.equal(text(pathInSnapshot(final, Buffer.from('/home/under'))), 'home/under');
});

test('directories above the sources only lead to them', () => {
  const final = finalOf(['/srv/x/one', '/srv/two'], '/srv');
  assert.deepEqual(leadingDirectories(final, Buffer.from('/srv')), new Set(['', 'x']));
  assert.deepEqual(leadingDirectories(final, Buffer.from('/srv/x')), new Set(['']));
  assert.deepEqual(leadingDirectories(final, Buffer.from('/srv/two')), new Set());
  assert.deepEqual(leadingDirectories(finalOf(['/srv']), Buffer.from('/srv')), new Set());
});
