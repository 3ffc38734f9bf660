import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { compilePathFilter } from '../../../model/path-filter.ts';
import { parseRuleFile } from '../../../model/filter-rule.ts';
import { type ListedFile, listedFile } from './listed-file.ts';
import { FileSample, includeList, listRoots, seededNumbers } from './sample-files.ts';

const fileOf = (name: string | Buffer, size = 1): ListedFile => ({
  path: Buffer.from(name),
  size,
  mode: 0o644,
  mtime: 0n,
});

function draw(seed: string, files: readonly ListedFile[], limits = { files: 5, bytes: 100 }) {
  const sample = new FileSample(limits, seededNumbers(seed));
  for (const file of files) sample.add(file);
  return { sample, names: sample.take().map(({ path }) => path.toString()) };
}

test('each file is as likely as any other, and a seed draws the same again', () => {
  const files = Array.from({ length: 20 }, (_, index) => fileOf(`f${index}`));
  const counts = new Map<string, number>();
  for (let round = 0; round < 2000; round++) {
    for (const name of draw(`seed ${round}`, files).names) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  // 500 each on average; six standard deviations are about 116.
  for (const file of files) {
    const count = counts.get(file.path.toString()) ?? 0;
    assert.ok(Math.abs(count - 500) < 120, `${file.path.toString()} was drawn ${count} times`);
  }
  assert.deepEqual(draw('x', files).names, draw('x', files).names);
  assert.notDeepEqual(draw('x', files).names, draw('y', files).names);
});

test('the limits hold, and all files are counted', () => {
  const files = [fileOf('large', 101), fileOf('a', 60), fileOf('b', 60), fileOf('line\nbreak')];
  const { sample, names } = draw('x', files);
  assert.equal(names.length, 1);
  assert.match(names[0]!, /^[ab]$/u);
  assert.equal(sample.total, 4);
  assert.equal(sample.totalBytes, 222);
});

test('the list for the restore names exactly the files that were drawn', () => {
  const name = fc
    .string({
      minLength: 1,
      maxLength: 6,
      unit: fc.constantFrom(...Array.from('ab*?[]{}!#\\ .-\t\u00E9')),
    })
    .filter((text) => !['.', '..'].includes(text));
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 6 }), (names) => {
      const [first, ...others] = names;
      const list = includeList([Buffer.from('/src')], [Buffer.from(`dir/${first}`)]);
      const filter = compilePathFilter(parseRuleFile(list, 'include'));
      const facts = { directory: false, file: true, size: 1, modified: 0 };
      const decide = (one: string): boolean => filter.decide(Buffer.from(`/src/dir/${one}`), facts);
      assert.ok(decide(first!), JSON.stringify(first));
      for (const other of others) assert.ok(!decide(other), JSON.stringify([first, other]));
    }),
  );
});

test('where the paths of a list begin', () => {
  const roots = (...paths: string[]): string[] =>
    listRoots(paths.map((path) => Buffer.from(path))).map(String);
  assert.deepEqual(roots('/home/me'), ['/home/me', '/home']);
  assert.deepEqual(roots('/a/b/c', '/a/bc', '/a/b'), ['/a']);
  assert.deepEqual(roots('/etc', '/home'), ['/']);
  assert.deepEqual(roots(), []);
});

test('a line of a list is read to the nanosecond', () => {
  const record = {
    type: 'file',
    path: 'x',
    kind: 'file',
    size: 2,
    mode: '0644',
    mtime: '2026-11-21T10:02:24.812904414Z',
  };
  assert.deepEqual(listedFile(record), {
    path: Buffer.from('x'),
    size: 2,
    mode: 0o644,
    mtime: BigInt(Date.UTC(2026, 10, 21, 10, 2, 24)) * 1_000_000n + 812_904_414n,
  });
  assert.equal(listedFile({ ...record, mtime: '-5.000000001' })?.mtime, -4_999_999_999n);
  assert.deepEqual(listedFile({ ...record, path_b64: '/w==' })?.path, Buffer.from([0xff]));
  assert.equal(listedFile({ ...record, kind: 'directory' }), undefined);
  assert.equal(listedFile({ type: 'summary' }), undefined);
});
