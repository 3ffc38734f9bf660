import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { temporaryDirectory } from './support/temporary-directory.ts';

const root = path.resolve(import.meta.dirname, '..');

/** Lays out what `npm pack` publishes, with the program built anew. */
async function buildPackage(directory: string): Promise<void> {
  const built = spawnSync(
    path.join(root, 'node_modules/.bin/tsc'),
    ['-p', 'tsconfig.build.json', '--outDir', path.join(directory, 'dist')],
    { cwd: root, encoding: 'utf8' },
  );
  assert.equal(built.status, 0, built.stdout);
  await cp(path.join(root, 'bin'), path.join(directory, 'bin'), { recursive: true });
  await cp(path.join(root, 'package.json'), path.join(directory, 'package.json'));
  symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
}

test('the built program backs up, checks and restores', async () => {
  await using scratch = await temporaryDirectory();
  const place = (...parts: string[]): string => path.join(scratch.path, ...parts);
  await buildPackage(place('package'));
  mkdirSync(place('source'));
  writeFileSync(place('source', 'small'), 'a few words');
  // Large enough to be divided among the workers.
  writeFileSync(place('source', 'large'), Buffer.alloc(24 * 1024 * 1024, 'and some more '));

  const run = (...words: string[]): void => {
    const ran = spawnSync(place('package', 'bin', 'holdfast'), words, {
      cwd: scratch.path,
      env: { PATH: '/usr/bin:/bin', HOME: scratch.path, HOLDFAST_PASSPHRASE: 'correct horse' },
      encoding: 'utf8',
    });
    assert.equal(ran.status, 0, ran.stderr + ran.stdout);
  };
  run('backup', 'source', 'repository');
  run('check', 'repository', '--read-data');
  run('restore', 'repository', '--target', 'restored');
  for (const name of ['small', 'large']) {
    assert.ok(
      readFileSync(place('source', name)).equals(readFileSync(place('restored', name))),
      name,
    );
  }
});
