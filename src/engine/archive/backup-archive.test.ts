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
import { operation } from '#test/support/operation.ts';
import {
  fixtureTimes,
  plainProtection,
  symmetricProtection,
} from '#test/support/duplicity-fixture.ts';
import { type ScratchDirectory, scratchDirectory } from '#test/support/scratch-directory.ts';
import { compareTrees } from '#test/support/tree-comparer.ts';
import { systemClock } from '../../base/clock.ts';
import { ArchiveDirectory } from '../../repository/duplicity/archive-directory/archive-directory.ts';
import { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { FileCoding } from '../../repository/duplicity/encryption/file-coding.ts';
import type { Protection } from '../../repository/duplicity/encryption/protection.ts';
import { FileNaming } from '../../repository/duplicity/names/file-name.ts';
import { FileStorage } from '../../storage/drivers/file/file.ts';
import {
  type ArchiveBackupInput,
  type ArchiveBackupResult,
  backupArchive,
} from './backup-archive.ts';

const fixtures = new URL('../../../test/fixtures/duplicity/', import.meta.url).pathname;
const needsDuplicity = { skip: missingPrograms(['duplicity', 'gpg']) };

type Options = Partial<ArchiveBackupInput> & {
  readonly protection?: Protection;
  /** Ends the run when so many volumes are complete. */
  readonly stopAfter?: number;
};

/** Backs up `source` of a scratch directory to its `dest`, with its `cache`. */
async function backUp(
  scratch: ScratchDirectory,
  { protection = plainProtection, stopAfter, ...more }: Options = {},
): Promise<ArchiveBackupResult & { readonly messages: string[] }> {
  mkdirSync(scratch.of('dest'), { recursive: true });
  const naming = new FileNaming();
  await using archive = new DuplicityArchive({
    storage: await FileStorage.open(scratch.of('dest')),
    naming,
    coding: new FileCoding(protection),
    directory: await ArchiveDirectory.open(scratch.of('cache'), naming),
    clock: systemClock,
    tempDirectory: scratch.path,
  });
  const context = operation(systemClock);
  const stop = new AbortController();
  const result = await backupArchive(
    archive,
    {
      paths: [scratch.of('source')],
      tree: { select: () => 'include' },
      walk: {},
      kind: 'auto',
      hostName: 'host',
      onVolume: (number) => {
        if (number === stopAfter) throw new Error('Stopped');
      },
      ...more,
    },
    { ...context, signal: stop.signal },
  );
  const messages = context.events.flatMap((event) =>
    event.type === 'notice' ? [event.message] : event.type === 'problem' ? [event.error.code] : [],
  );
  return { ...result, messages };
}

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

const chance = (length: number, seed: number): Buffer => {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
};

/** A source of about four volumes of a mebibyte. */
function makeLarge(scratch: ScratchDirectory): void {
  mkdirSync(scratch.of('source', 'sub'), { recursive: true });
  for (const [name, length] of [
    ['a', 10],
    ['big', 2_500_000],
    ['exact', 131_072],
    ['sub/mid', 1_300_000],
    ['z', 9],
  ] as const) {
    writeFileSync(scratch.of('source', name), chance(length, length));
  }
}

const volumeSize = 1024 * 1024;

function partsOf(scratch: ScratchDirectory): string[] {
  return readdirSync(scratch.of('cache'))
    .filter((name) => name !== 'lockfile')
    .map((name) => name.replaceAll(/\.\d{8}T\d{6}Z/gu, ''));
}

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
      const { set } = await backUp(scratch, {
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
      makeLarge(scratch);
      linkSync(scratch.of('source/a'), scratch.of('source/link of a'));
      symlinkSync('a', scratch.of('source/symbolic'));
      writeFileSync(Buffer.from(`${scratch.of('source')}/latin1-\xe9`, 'latin1'), 'x');
      writeFileSync(scratch.of('source', 'n'.repeat(200)), 'long');
      const first = await backUp(scratch, { protection, volumeSize });
      assert.equal(first.set.set, 'full');
      rmSync(scratch.of('source/z'));
      mkdirSync(scratch.of('source/z/deeper'), { recursive: true });
      renameSync(scratch.of('source/exact'), scratch.of('source/z/deeper/moved'));
      appendFileSync(scratch.of('source/big'), chance(100_000, 3));
      chmodSync(scratch.of('source/sub/mid'), 0o600);
      const second = await backUp(scratch, { protection, volumeSize });
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
      const fourth = await backUp(scratch, { protection, volumeSize, allowSourceMismatch: true });
      assert.equal(fourth.statistics.changedFiles, 1);
      assertRestores(scratch, real);
      const status = duplicity(scratch, ['collection-status', destination], real);
      assert.match(status, /No orphaned or incomplete backup sets found/u);
      assert.match(status, /Number of contained backup sets: 4/u);
    });

    test(`continues what of ours was interrupted, and we what of its: ${kind}`, async () => {
      using scratch = scratchDirectory();
      makeLarge(scratch);
      const destination = `file://${scratch.of('dest')}`;
      const size = ['--volsize=1', '--allow-source-mismatch'];
      await assert.rejects(backUp(scratch, { protection, volumeSize, stopAfter: 4 }));
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
      const { messages, set } = await backUp(scratch, {
        protection,
        volumeSize,
        allowSourceMismatch: true,
      });
      assert.match(messages[0] ?? '', /^Continuing an interrupted backup after volume 2, "big"/u);
      assert.equal(set.set, 'full');
      assertRestores(scratch, real);
      writeFileSync(scratch.of('source/big'), chance(10, 1));
      await backUp(scratch, { protection, allowSourceMismatch: true });
      assertRestores(scratch, real);
    });
  }
});
