import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { buildProgram, modulesLoadedByPlace } from '../tools/build-program.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const root = path.resolve(import.meta.dirname, '..');

/** Lays out what `npm pack` publishes, with the program built anew. */
async function buildPackage(directory: string): Promise<void> {
  await buildProgram(path.join(directory, 'dist'));
  await cp(path.join(root, 'bin'), path.join(directory, 'bin'), { recursive: true });
  await cp(path.join(root, 'package.json'), path.join(directory, 'package.json'));
  symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
}

test('the built program backs up, checks and restores, in both formats', async () => {
  await using scratch = await temporaryDirectory();
  const place = (...parts: string[]): string => path.join(scratch.path, ...parts);
  await buildPackage(place('package'));
  const modules = modulesLoadedByPlace();
  assert.ok(modules.includes('repository/native/worker/store-worker'));
  for (const name of modules) assert.ok(existsSync(place('package', 'dist', `${name}.js`)), name);
  mkdirSync(place('source'));
  writeFileSync(place('source', 'small'), 'a few words');
  // Large enough to be divided among the workers.
  writeFileSync(place('source', 'large'), Buffer.alloc(24 * 1024 * 1024, 'and some more '));

  const run = (...words: string[]): string => {
    const ran = spawnSync(place('package', 'bin', 'holdfast'), words, {
      cwd: scratch.path,
      env: { PATH: '/usr/bin:/bin', HOME: scratch.path, HOLDFAST_PASSPHRASE: 'correct horse' },
      encoding: 'utf8',
    });
    assert.equal(ran.status, 0, ran.stderr + ran.stdout);
    return ran.stdout;
  };
  assert.match(run('--version'), /^holdfast \d/u);
  run('backup', 'source', 'repository');
  run('check', 'repository', '--read-data');
  run('restore', 'repository', '--target', 'restored');
  run('backup', 'source', 'archive', '--format', 'duplicity');
  run('restore', 'archive', '--target', 'restored-too');
  for (const name of ['small', 'large']) {
    const content = readFileSync(place('source', name));
    for (const target of ['restored', 'restored-too']) {
      assert.ok(content.equals(readFileSync(place(target, name))), `${target}: ${name}`);
    }
  }
});
