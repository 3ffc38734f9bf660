import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { utf8 } from '../../../base/bytes.ts';
import { parseSignatureName, parseVolumeName } from './entry-name.ts';

function parsed(
  parse: typeof parseVolumeName,
  name: string,
): readonly [string, string, number | undefined] | undefined {
  const result = parse(utf8(name));
  return result && [result.kind, Buffer.from(result.path).toString(), result.block];
}

describe('the name of an entry', () => {
  it('says what a volume holds', () => {
    const names: Readonly<Record<string, ReturnType<typeof parsed>>> = {
      'snapshot/./': ['snapshot', '', undefined],
      'snapshot/': ['snapshot', '', undefined],
      snapshot: ['snapshot', '', undefined],
      'snapshot/.': ['snapshot', '', undefined],
      'snapshot/a': ['snapshot', 'a', undefined],
      'snapshot/a/b/': ['snapshot', 'a/b', undefined],
      'diff/a': ['diff', 'a', undefined],
      'deleted/a/b': ['deleted', 'a/b', undefined],
      'multivol_snapshot/a/b/12': ['snapshot', 'a/b', 12],
      'multivol_diff/a/1': ['diff', 'a', 1],
      'snapshot/...': ['snapshot', '...', undefined],
      'snapshot/..a/.b': ['snapshot', '..a/.b', undefined],
    };
    for (const [name, expected] of Object.entries(names)) {
      assert.deepEqual(parsed(parseVolumeName, name), expected, name);
    }
  });

  it('must not lead elsewhere', () => {
    const names = [
      '',
      '/',
      'snapshot/..',
      'snapshot/../a',
      'snapshot/a/..',
      'snapshot/a/../b',
      'snapshot//a',
      'snapshot/a//b',
      'snapshot/./a',
      'snapshot/a/./b',
      'snapshot/a\0b',
      'signature/a',
      'Snapshot/a',
      'snapshots/a',
      'a',
      '/snapshot/a',
      'multivol_snapshot/12',
      'multivol_snapshot/a',
      'multivol_snapshot/a/x1',
      'multivol_snapshot/../a/1',
      `${'snapshot'.repeat(1000)}/a`,
    ];
    for (const name of names) assert.equal(parsed(parseVolumeName, name), undefined, name);
  });

  it('says what signatures hold', () => {
    assert.deepEqual(parsed(parseSignatureName, 'signature/a/b'), ['signature', 'a/b', undefined]);
    assert.deepEqual(parsed(parseSignatureName, 'snapshot/'), ['snapshot', '', undefined]);
    assert.deepEqual(parsed(parseSignatureName, 'deleted/a'), ['deleted', 'a', undefined]);
    assert.equal(parsed(parseSignatureName, 'diff/a'), undefined);
    assert.equal(parsed(parseSignatureName, 'signature/../a'), undefined);
  });
});
