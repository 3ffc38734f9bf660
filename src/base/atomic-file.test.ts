import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { writeFileAtomically } from './atomic-file.ts';
import { utf8 } from './bytes.ts';

describe('writeFileAtomically()', () => {
  test('replaces the content and leaves nothing else', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'file');
    await writeFileAtomically(file, utf8('one'));
    await writeFileAtomically(file, utf8('two'), { durable: false });
    assert.equal(await readFile(file, 'utf8'), 'two');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(directory.path), ['file']);
  });

  test('takes the mode as it is only if it is asked to', async () => {
    await using directory = await temporaryDirectory();
    const modeOf = async (exactMode: boolean): Promise<number> => {
      const file = path.join(directory.path, `file-${exactMode}`);
      await writeFileAtomically(file, utf8('x'), { mode: 0o644, exactMode });
      return (await stat(file)).mode & 0o777;
    };
    const before = process.umask(0o077);
    try {
      assert.deepEqual([await modeOf(false), await modeOf(true)], [0o600, 0o644]);
    } finally {
      process.umask(before);
    }
  });

  test('leaves nothing behind when it fails', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'file');
    await mkdir(file);
    await assert.rejects(writeFileAtomically(file, utf8('one')), { code: 'EISDIR' });
    assert.deepEqual(await readdir(directory.path), ['file']);
    const reason = new Error('Stop');
    await assert.rejects(
      writeFileAtomically(`${file}2`, utf8('x'), { signal: AbortSignal.abort(reason) }),
      reason,
    );
  });
});
