import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { missingPrograms } from '#test/servers/required-programs.ts';
import {
  fixtureTimes,
  plainProtection,
  symmetricProtection,
} from '#test/support/duplicity-fixture.ts';
import {
  backUpScratch,
  chance,
  makeLargeSource,
  smallVolume,
} from '#test/support/archive-backup.ts';
import { type ScratchDirectory, scratchDirectory } from '#test/support/scratch-directory.ts';
import { compareTrees } from '#test/support/tree-comparer.ts';

const fixtures = new URL('../../../test/fixtures/duplicity/', import.meta.url).pathname;
const needsDuplicity = { skip: missingPrograms(['duplicity', 'gpg']) };

/** The real program, with a home of its own. */
function duplicity(
  scratch: ScratchDirectory,
  parameters: readonly string[],
  { passphrase, cache = 'real' }: { readonly passphrase?: string; readonly cache?: string } = {},
): string {
  const home = scratch.of('home');
  mkdirSync(path.join(home, 'gnupg'), { recursive: true, mode: 0o700 });
  return execFileSync(
    'duplicity',
    [
      ...parameters,
      `--archive-dir=${scratch.path}`,
      `--name=${cache}`,
      ...(passphrase === undefined ? ['--no-encryption'] : []),
    ],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        GNUPGHOME: path.join(home, 'gnupg'),
        TMPDIR: scratch.path,
        PASSPHRASE: passphrase ?? '',
        TZ: 'UTC',
      },
    },
  );
}

/** Restores with the real program and compares with `source`. */
function assertRestores(
  scratch: ScratchDirectory,
  {
    passphrase,
    time,
    source = 'source',
  }: { passphrase?: string; time?: number; source?: string } = {},
): void {
  rmSync(scratch.of('out'), { recursive: true, force: true });
  duplicity(
    scratch,
    [
      'restore',
      ...(time === undefined ? [] : [`--time=${time}`]),
      `file://${scratch.of('dest')}`,
      scratch.of('out'),
    ],
    passphrase === undefined ? {} : { passphrase },
  );
  // What duplicity does not keep; times are compared by its own verify.
  const ignore = ['xattrs', 'flags', 'hard-links', 'holes', 'mtime'] as const;
  assert.deepEqual(compareTrees(scratch.of(source), scratch.of('out'), { ignore }), []);
}

test('a set that is not encrypted after one that is, is warned of', async () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('source'));
  writeFileSync(scratch.of('source', 'file'), 'first');
  const encrypted = { protection: symmetricProtection() };
  assert.deepEqual((await backUpScratch(scratch, encrypted)).messages, []);
  assert.deepEqual((await backUpScratch(scratch, encrypted)).messages, []);
  assert.deepEqual((await backUpScratch(scratch)).messages, ['input/invalid']);
  assert.deepEqual((await backUpScratch(scratch)).messages, [], 'once is enough');
});

test(
  'what is written without own records is byte for byte what the real program writes',
  { skip: process.getuid?.() !== 0 && 'owners can be set by root only' },
  async () => {
    using scratch = scratchDirectory();
    for (const [step, time] of fixtureTimes.entries()) {
      rmSync(scratch.of('tree'), { recursive: true, force: true });
      mkdirSync(scratch.of('tree'));
      const file = path.join(fixtures, `source/source-t${step}.tar.gz`);
      execFileSync('tar', ['--numeric-owner', '-xpf', file, '-C', scratch.of('tree')]);
      const { set } = await backUpScratch(scratch, {
        paths: [scratch.of('tree', 'source tree')],
        hostName: 'fixture-host',
        sourceName: Buffer.from('/mnt/source tree'),
        time,
        extensions: false,
        blockLength: () => 512,
      });
      assert.equal(set.set, step === 0 ? 'full' : 'incremental');
    }
    const expected = path.join(fixtures, 'unencrypted/dest');
    assert.deepEqual(readdirSync(scratch.of('dest')), readdirSync(expected));
    for (const name of readdirSync(expected)) {
      const [ours, theirs] = [scratch.of('dest', name), path.join(expected, name)].map((file) =>
        readFileSync(file),
      );
      if (name.endsWith('.gz')) assert.ok(gunzipSync(ours!).equals(gunzipSync(theirs!)), name);
      else {
        const lines = (bytes: Buffer | undefined): string[] =>
          bytes!
            .toString('latin1')
            .split('\n')
            .filter((line) => !line.includes('Hash'));
        assert.deepEqual(lines(ours), lines(theirs));
      }
    }
  },
);

describe('the real program', needsDuplicity, () => {
  for (const passphrase of [undefined, 'pass phrase']) {
    const kind = passphrase === undefined ? 'plain' : 'encrypted';
    const protection = passphrase === undefined ? plainProtection : symmetricProtection(passphrase);
    const real = passphrase === undefined ? {} : { passphrase };

    test(`restores a chain of ours, goes on with it, and we go on with that: ${kind}`, async () => {
      using scratch = scratchDirectory();
      makeLargeSource(scratch);
      linkSync(scratch.of('source/a'), scratch.of('source/link of a'));
      symlinkSync('a', scratch.of('source/symbolic'));
      writeFileSync(Buffer.from(`${scratch.of('source')}/latin1-\xe9`, 'latin1'), 'x');
      writeFileSync(scratch.of('source', 'n'.repeat(200)), 'long');
      const first = await backUpScratch(scratch, { protection, volumeSize: smallVolume });
      assert.equal(first.set.set, 'full');
      rmSync(scratch.of('source/z'));
      mkdirSync(scratch.of('source/z/deeper'), { recursive: true });
      renameSync(scratch.of('source/exact'), scratch.of('source/z/deeper/moved'));
      appendFileSync(scratch.of('source/big'), chance(100_000, 3));
      chmodSync(scratch.of('source/sub/mid'), 0o600);
      const second = await backUpScratch(scratch, { protection, volumeSize: smallVolume });
      assert.equal(second.set.set, 'incremental');
      assert.equal(second.set.start, first.set.end);
      assert.equal(second.statistics.changedFiles, 2);
      assertRestores(scratch, real);
      const destination = `file://${scratch.of('dest')}`;
      const verified = duplicity(
        scratch,
        ['verify', '--compare-data', destination, scratch.of('source')],
        real,
      );
      assert.match(verified, / 0 differences found/u);
      writeFileSync(scratch.of('source/by them'), chance(70_000, 4));
      rmSync(scratch.of('source/symbolic'));
      const theirs = duplicity(
        scratch,
        ['incremental', '--allow-source-mismatch', scratch.of('source'), destination],
        real,
      );
      assert.match(theirs, /NewFiles 2\n/u);
      assert.match(theirs, /ChangedFiles 0\n/u);
      writeFileSync(scratch.of('source/by them'), chance(80_000, 4));
      const fourth = await backUpScratch(scratch, {
        protection,
        volumeSize: smallVolume,
        allowSourceMismatch: true,
      });
      assert.equal(fourth.statistics.changedFiles, 1);
      assertRestores(scratch, real);
      const status = duplicity(scratch, ['collection-status', destination], real);
      assert.match(status, /No orphaned or incomplete backup sets found/u);
      assert.match(status, /Number of contained backup sets: 4/u);
    });

    test(`continues what of ours was interrupted, and we what of its: ${kind}`, async () => {
      using scratch = scratchDirectory();
      makeLargeSource(scratch);
      const destination = `file://${scratch.of('dest')}`;
      const size = ['--volsize=1', '--allow-source-mismatch'];
      await assert.rejects(
        backUpScratch(scratch, { protection, volumeSize: smallVolume, stopAfter: 4 }),
      );
      duplicity(scratch, ['full', ...size, scratch.of('source'), destination], {
        ...real,
        cache: 'cache',
      });
      assertRestores(scratch, real);
      // And the other way round.
      for (const name of ['dest', 'cache', 'real']) {
        rmSync(scratch.of(name), { recursive: true, force: true });
      }
      mkdirSync(scratch.of('dest'));
      assert.throws(() =>
        duplicity(
          scratch,
          ['full', '--fail-on-volume=3', ...size, scratch.of('source'), destination],
          { ...real, cache: 'cache' },
        ),
      );
      const { messages, set } = await backUpScratch(scratch, {
        protection,
        volumeSize: smallVolume,
        allowSourceMismatch: true,
      });
      assert.match(messages[0] ?? '', /^Continuing an interrupted backup after volume 2, "big"/u);
      assert.equal(set.set, 'full');
      assertRestores(scratch, real);
      writeFileSync(scratch.of('source/big'), chance(10, 1));
      await backUpScratch(scratch, { protection, allowSourceMismatch: true });
      assertRestores(scratch, real);
    });
  }
});
