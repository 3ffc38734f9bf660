import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { compileGlob } from './glob.ts';

const matching = (pattern: string, ...paths: readonly string[]): string[] =>
  paths.filter((path) => compileGlob(pattern).matches(path));

describe('compileGlob()', () => {
  test('matches a pattern without a slash against the name at any depth', () => {
    assert.deepEqual(matching('*.o', 'a.o', 'x/y/a.o', 'x/a.o/b', '.o', 'a.ob'), [
      'a.o',
      'x/y/a.o',
      '.o',
    ]);
  });

  test('anchors a pattern with a leading slash at the root', () => {
    assert.deepEqual(matching('/a/b', 'a/b', 'x/a/b', 'a/b/c', 'a'), ['a/b']);
  });

  test('matches a relative pattern at any depth in whole parts', () => {
    assert.deepEqual(matching('b/c', 'b/c', 'a/b/c', 'ab/c', 'b/cd'), ['b/c', 'a/b/c']);
    assert.deepEqual(matching('./b/c', 'a/b/c'), ['a/b/c']);
  });

  test('lets * and ? stop at slashes and take dots and newlines', () => {
    assert.deepEqual(matching('/a/*', 'a/b', 'a/.b', 'a/b/c', 'a/b\nc', 'a'), [
      'a/b',
      'a/.b',
      'a/b\nc',
    ]);
    assert.deepEqual(matching('/?', 'a', 'ä', '😀', '\udcff', 'ab', ''), [
      'a',
      'ä',
      '😀',
      '\udcff',
    ]);
  });

  test('lets ** stand for any number of parts, also none', () => {
    assert.deepEqual(matching('/a/**/b', 'a/b', 'a/x/b', 'a/x/y/b', 'a/xb', 'b'), [
      'a/b',
      'a/x/b',
      'a/x/y/b',
    ]);
    assert.deepEqual(matching('/a/**', 'a', 'a/b', 'a/b/c'), ['a/b', 'a/b/c']);
    assert.deepEqual(matching('/**/**/b', 'b', 'a/b', 'a/a/a/b'), ['b', 'a/b', 'a/a/a/b']);
  });

  test('lets ** inside a part cross slashes', () => {
    assert.deepEqual(matching('/a/b**d', 'a/bd', 'a/b/c/d', 'a/bxd', 'a/c/d'), [
      'a/bd',
      'a/b/c/d',
      'a/bxd',
    ]);
  });

  test('reads sets, with ranges, negation and a bracket as first member', () => {
    assert.deepEqual(matching('/[a-c]', 'a', 'c', 'd'), ['a', 'c']);
    assert.deepEqual(matching('/[!a-c]', 'a', 'd', '-'), ['d', '-']);
    assert.deepEqual(matching('/[^a]', 'a', 'b'), ['b']);
    assert.deepEqual(matching('/[]x]', ']', 'x', 'y'), [']', 'x']);
    assert.deepEqual(matching('/[a-]', 'a', '-', 'b'), ['a', '-']);
    assert.deepEqual(matching('/[\\]^]', ']', '^', '\\'), [']', '^']);
    assert.deepEqual(matching('/a[!b]c', 'axc', 'a/c'), ['axc']);
    assert.deepEqual(matching('/[é-ü]', 'ö', 'o'), ['ö']);
  });

  test('takes escaped and special characters literally', () => {
    assert.deepEqual(matching('/\\*', '*', 'a'), ['*']);
    assert.deepEqual(matching('/a.b+(c){d}$', 'a.b+(c){d}$', 'axb+(c){d}$'), ['a.b+(c){d}$']);
    assert.deepEqual(matching('/a\\/b', 'a/b'), ['a/b']);
    assert.deepEqual(matching('/-', '-'), ['-']);
  });

  test('folds case of every script on request', () => {
    const glob = compileGlob('*.JPÉG', { ignoreCase: true });
    assert.ok(glob.matches('a/b.jpég'));
    assert.ok(glob.matchesName?.('B.jPÉg'));
    assert.ok(!compileGlob('*.JPG').matches('a.jpg'));
  });

  test('means directories only with a trailing slash', () => {
    assert.ok(compileGlob('cache/').directoriesOnly);
    assert.ok(!compileGlob('cache').directoriesOnly);
    assert.ok(compileGlob('cache/').matches('x/cache'));
    assert.ok(compileGlob('cache/').matchesName?.('cache'));
  });

  test('knows below which directories it can match', () => {
    const below = (pattern: string, directory: string): boolean =>
      compileGlob(pattern).mayMatchBelow(directory);
    assert.ok(below('/a/b/c', ''));
    assert.ok(below('/a/b/c', 'a/b'));
    assert.ok(below('/a/*/c', 'a/x'));
    assert.ok(below('/a/**/c', 'a/x/y/z'));
    assert.ok(below('/a/b**c', 'a/b/x'));
    assert.ok(below('c', 'a/b'));
    assert.ok(!below('/a/b/c', 'a/x'));
    assert.ok(!below('/a/b/c', 'a/b/c'));
    assert.ok(!below('/a/b/c', 'a/b/c/d'));
    assert.ok(!below('/a/**/c', 'b'));
  });

  test('refuses patterns that cannot be read or cannot match', () => {
    for (const pattern of ['', '/', '//', '../a', 'a/../b', 'a[b', 'a\\', '[z-a]', '.']) {
      assert.throws(() => compileGlob(pattern), { code: 'input/invalid' }, pattern);
    }
  });
});
