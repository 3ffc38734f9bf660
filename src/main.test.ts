import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

const launcher = path.resolve(import.meta.dirname, '../bin/holdfast');

test('bin/holdfast runs from any directory, through links, without a Node in the path', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-launcher-'));
  try {
    symlinkSync(launcher, path.join(directory, 'first'));
    symlinkSync('first', path.join(directory, 'second'));
    const ran = spawnSync(path.join(directory, 'second'), ['--version'], {
      cwd: directory,
      env: { PATH: '/usr/bin:/bin', HOME: directory },
      encoding: 'utf8',
    });
    assert.equal(ran.stderr, '');
    assert.match(ran.stdout, /^holdfast \d+\.\d+\.\d+\n$/u);
    assert.equal(ran.status, 0);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a reader that goes away is no error', () => {
  const script = `"${launcher}" --help | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const ran = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  assert.equal(ran.stderr, '');
  assert.equal(ran.stdout, 'Usage: holdfast COMMAND …\n0\n');
});
