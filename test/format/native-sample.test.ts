import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { runForTest } from '#test/cli/command-line.ts';

const sample = fileURLToPath(new URL('../../docs/formats/native-sample', import.meta.url));

/** docs/formats/native.md, section 16: every later version must read this repository, made by the first one. */
test('the sample repository is sound and restores', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-sample-'));
  try {
    const repository = join(directory, 'repository');
    const target = join(directory, 'target');
    await cp(sample, repository, { recursive: true });
    const environment = {
      HOME: directory,
      HOLDFAST_PASSPHRASE: 'sample passphrase',
      HOLDFAST_CACHE_DIR: join(directory, 'cache'),
      HOLDFAST_STATE_DIR: join(directory, 'state'),
    };
    const run = async (...words: string[]): Promise<void> => {
      const { status, stderr } = await runForTest(words, { environment });
      assert.equal(status, 0, stderr.text);
    };
    await run('check', repository, '--read-data');
    await run('restore', repository, '--target', target, '--owners', 'numbers');
    const read = (name: string): string => readFileSync(join(target, name), 'utf8');
    assert.equal(read('letters/one.txt'), 'Dear reader,\nP.S.\n');
    assert.equal(read('run'), 'x'.repeat(3000));
    assert.equal(read('empty'), '');
    assert.equal(readlinkSync(join(target, 'link')), 'letters/one.txt');
    assert.equal(statSync(join(target, 'run')).ino, statSync(join(target, 'same')).ino);
    assert.equal(
      statSync(join(target, 'letters/one.txt')).mtime.toISOString(),
      '2021-03-01T00:00:00.000Z',
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
