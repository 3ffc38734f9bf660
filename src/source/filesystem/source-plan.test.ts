import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { hasCode } from '../../base/errors.ts';
import { planSources } from './source-plan.ts';

const text = (path: Uint8Array): string => Buffer.from(path).toString();

function plan(sources: readonly (string | Uint8Array)[], workingDirectory = '/') {
  const { root, sources: found, selection } = planSources(sources, { workingDirectory });
  return { root: text(root), sources: found.map(text), isWhole: selection === undefined };
}

test('one directory is itself the root', () => {
  using scratch = scratchDirectory();
  const expected = { root: scratch.path, sources: [scratch.path], isWhole: true };
  assert.deepEqual(plan([scratch.path]), expected);
  assert.deepEqual(plan([`${scratch.path}/x/..//./`]), expected);
  assert.deepEqual(plan(['.'], scratch.path), expected);
  assert.deepEqual(plan(['/']), { root: '/', sources: ['/'], isWhole: true });
});

test('one file lies in its directory', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), '');
  assert.deepEqual(plan(['file'], scratch.path), {
    root: scratch.path,
    sources: [scratch.of('file')],
    isWhole: false,
  });
});

test('nested and repeated sources count once, neighbours with a common beginning do not', () => {
  using scratch = scratchDirectory();
  for (const name of ['a', 'a/inner', 'ab']) mkdirSync(scratch.of(name));
  const sources = ['ab', 'a/inner', 'a', './a'];
  assert.deepEqual(plan(sources, scratch.path), {
    root: scratch.path,
    sources: [scratch.of('a'), scratch.of('ab')],
    isWhole: false,
  });
  assert.deepEqual(plan(['a/inner', 'a'], scratch.path).root, scratch.of('a'));
});

test('sources that share nothing lie below the root directory', () => {
  using scratch = scratchDirectory();
  assert.equal(plan([scratch.path, '/proc']).root, '/');
});

test('paths may be any bytes', () => {
  using scratch = scratchDirectory();
  const path = Buffer.concat([Buffer.from(`${scratch.path}/`), Buffer.from([0xff, 0xfe])]);
  mkdirSync(path);
  assert.deepEqual(Buffer.from(planSources([path]).root), path);
});

test('missing, dangling, empty, impossible sources are one clear error each', () => {
  using scratch = scratchDirectory();
  symlinkSync('nowhere', scratch.of('dangling'));
  const refused = (sources: readonly string[], code: 'source/missing' | 'input/invalid') => {
    assert.throws(
      () => plan(sources, scratch.path),
      (error) => hasCode(error, code),
    );
  };
  refused(['.', 'missing'], 'source/missing');
  symlinkSync('loop', scratch.of('loop'));
  refused(['loop'], 'source/missing');
  refused(['dangling'], 'source/missing');
  refused(['/proc/version/below a file'], 'source/missing');
  refused([], 'input/invalid');
  refused([''], 'input/invalid');
  refused(['a\0b'], 'input/invalid');
  assert.throws(() => plan(['missing'], scratch.path), {
    message: `The source "${scratch.of('missing')}" does not exist`,
  });
});
