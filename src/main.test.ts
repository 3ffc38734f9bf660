import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
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

test('what is set for the program alone is not handed to programs that it starts', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-launcher-'));
  try {
    const told = path.join(directory, 'environment');
    const command = ['--stdin-from-command', '--', '/bin/sh', '-c', `env > '${told}'`];
    const ran = spawnSync(
      launcher,
      ['backup', '--insecure-no-passphrase', path.join(directory, 'repository'), ...command],
      { env: { PATH: '/usr/bin:/bin', HOME: directory, OWN: 'kept' }, encoding: 'utf8' },
    );
    assert.equal(ran.status, 0, ran.stderr);
    const names: string[] = readFileSync(told, 'utf8').match(/^[^=]+/gmu) ?? [];
    const expected = new Set(['HOME', 'OWN', 'PATH', 'PWD', '_', 'SHLVL', 'OLDPWD']);
    assert.deepEqual(
      names.filter((name) => !expected.has(name)),
      [],
    );
    assert.ok(names.includes('OWN'));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a TZ that is no known zone is said to be none: times would be hours off', () => {
  const told = (zone: string): string =>
    spawnSync(launcher, ['snapshots', '/does/not/exist'], {
      env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent', HOLDFAST_PASSPHRASE: 'x', TZ: zone },
      encoding: 'utf8',
    }).stderr;
  assert.match(told('CET-1CEST'), /^holdfast: TZ is "CET-1CEST", which is no time zone/u);
  assert.doesNotMatch(told('CET-1'), /TZ/u);
});
