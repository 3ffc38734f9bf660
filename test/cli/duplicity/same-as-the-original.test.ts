import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, test } from 'node:test';

import { ownDuplicity, realDuplicity } from '#test/compat/duplicity-programs.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { Both } from './both-programs.ts';

const begin = 1_700_000_000;
const day = 86_400;

function makeTree(root: string): void {
  mkdirSync(`${root}/sub/deep`, { recursive: true });
  writeFileSync(`${root}/a.txt`, 'a');
  writeFileSync(`${root}/it's "odd" \\ é 🎉\ttab.txt`, 'odd');
  writeFileSync(`${root}/sub/big`, Buffer.alloc(200_000, 'abc'));
  writeFileSync(`${root}/sub/deep/x`, 'x');
  symlinkSync('nowhere', `${root}/sub/link`);
  for (const name of ['a.txt', 'sub/big', 'sub/deep/x', 'sub/deep', 'sub', '']) {
    utimesSync(`${root}/${name}`, begin - 5 * day, begin - 5 * day);
  }
}

function changeTree(root: string): void {
  appendFileSync(`${root}/a.txt`, ' and more');
  utimesSync(`${root}/a.txt`, begin + 10, begin + 10);
  rmSync(`${root}/sub/deep/x`);
  writeFileSync(`${root}/new`, 'new');
  for (const name of ['new', 'sub/deep', '']) utimesSync(`${root}/${name}`, begin + 20, begin + 20);
}

describe(
  'the drop-in and the original',
  { skip: missingPrograms(['duplicity', '/usr/bin/python3']) },
  () => {
    test('say the same with the same exit codes, to people and to programs', async () => {
      await using real = realDuplicity();
      await using own = ownDuplicity();
      using scratch = scratchDirectory();
      const source = scratch.of('source');
      makeTree(source);
      const both = new Both([real, own], scratch);
      const archive = both.url('archive');
      const at = (time: number): string[] => ['--current-time', String(time)];

      await both.same('no backup yet', ['collection-status', archive]);
      await both.same('incremental without a full', ['incremental', source, archive], 17);
      await both.same('first backup', [...at(begin), source, archive]);
      changeTree(source);
      await both.same('second backup', [...at(begin + day), source, archive]);
      await both.same('nothing changed', ['inc', ...at(begin + 2 * day), source, archive]);
      await both.same('one set', ['collection-status', '--show-changes-in-set', '1', archive]);
      await both.same('one file', ['collection-status', '--file-changed', 'a.txt', archive]);
      await both.same('new chain', [
        ...at(begin + 9 * day),
        '--full-if-older-than',
        '7D',
        source,
        archive,
      ]);
      await both.same(
        'rehearsal',
        ['--dry-run', 'full', source, archive],
        0,
        /SourceFiles|RawDeltaSize/u,
      );
      await both.same('status', ['collection-status', archive]);
      await both.same('status, silently', ['-v0', 'coll', archive]);
      await both.same('files', ['list-current-files', archive]);
      await both.same('files of a time', ['list', '-v2', '-t', String(begin + day), archive]);
      await both.same('files before all time', ['list', '-t', '2001-01-01', archive]);
      await both.same('verify', ['verify', archive, source]);
      await both.same('compare', ['verify', '--compare-data', archive, source]);
      chmodSync(`${source}/sub/big`, 0o600);
      appendFileSync(`${source}/a.txt`, '!');
      utimesSync(`${source}/a.txt`, begin + 10, begin + 10);
      rmSync(`${source}/new`);
      symlinkSync('a.txt', `${source}/new`);
      rmSync(`${source}/sub/link`);
      writeFileSync(`${source}/sub/more`, '');
      for (const name of ['sub', '']) utimesSync(`${source}/${name}`, begin + 30, begin + 30);
      await both.same('differences', ['verify', '--compare-data', archive, source], 1);
      await both.same(
        'one difference',
        ['verify', '--compare-data', '--file-to-restore', 'a.txt', archive, `${source}/a.txt`],
        1,
      );
      await both.same('nothing to verify with', ['verify', archive, scratch.of('nothing')], 12);
      await both.same('volumes', [
        'restore',
        '--dry-run',
        '-t',
        String(begin + day),
        archive,
        scratch.of('no'),
      ]);
      await both.same('restore', ['restore', archive, both.path('restored')]);
      await both.same('occupied', ['restore', archive, both.path('restored')], 11);
      await both.same('one file', [
        'restore',
        '--file-to-restore',
        'sub/big',
        archive,
        both.path('one-file'),
      ]);
      await both.same('no such file', ['-r', 'sub/nothing', archive, both.path('nothing')], 19);
      await both.same('no source', [scratch.of('nothing'), archive], 13);
      await both.same('other source', [`${source}/sub`, archive], 42, /directory: /u);
      await both.same('pattern outside', ['--include', '/nothing', source, archive], 14);
      await both.same('redundant include', ['--include', `${source}/sub`, source, archive], 16);
      await both.same('no list', ['--exclude-filelist', '/nothing', source, archive], 7);
      await both.same('unknown scheme', ['foo://bar', scratch.of('no')], 23, /Did you mean/u);
      await both.same('ambiguous', ['re', archive, scratch.of('no')], 2);
      await both.same('too few', ['full', source], 2);
      await both.same('no count', ['remove-all-but-n-full', '0', archive], 2);
      await both.same('nothing old', ['remove-older-than', '1999-01-01', archive]);
      await both.same('all old', ['remove-older-than', 'now', archive]);
      await both.same('half old', ['remove-older-than', String(begin + day + 1), archive]);
      await both.same('all but one', ['remove-all-but-n-full', '1', archive]);
      const rehearsed = ['--force', '--dry-run', archive];
      await both.same('rehearsal', ['remove-older-than', String(begin + 8 * day), ...rehearsed]);
      await both.same('rehearsal', ['remove-all-but-n-full', '1', ...rehearsed]);
      await both.same('rehearsal', ['remove-all-inc-of-but-n-full', '1', ...rehearsed]);
      await both.same('their increments', [
        'remove-all-inc-of-but-n-full',
        '1',
        '--force',
        archive,
      ]);
      await both.same('all but one, really', ['remove-all-but-n-full', '1', '--force', archive]);
      await both.same('clean', ['cleanup', archive]);
      await both.same('status', ['collection-status', archive]);
      both.spoil();
      await both.same('leftovers', ['cleanup', archive]);
      await both.same('leftovers, rehearsal', ['cleanup', ...rehearsed]);
      await both.same('leftovers, really', ['cleanup', '--force', archive]);
      await both.same('status', ['collection-status', archive]);
    });

    test('end alike for mistakes on the command line, in the environment and in the archive', async () => {
      await using real = realDuplicity();
      await using own = ownDuplicity();
      using scratch = scratchDirectory();
      const source = scratch.of('source');
      makeTree(source);
      const list = scratch.of('list');
      writeFileSync(list, `- ${source}/sub\n`);
      const both = new Both([real, own], scratch);
      const archive = both.url('archive');
      for (const verbosity of ['0', '1', '2']) {
        const time = ['--current-time', String(begin + Number(verbosity))];
        await both.same('statistics', ['full', `-v${verbosity}`, ...time, source, archive]);
      }
      await both.same('sign key', ['--sign-key', 'zz', source, archive], 10);
      const rehearsal = ['full', '--dry-run', '--no-print-statistics', source, archive];
      for (const selector of ['exclude', 'include']) {
        const globbing = [`--${selector}-globbing-filelist`, list, '--exclude', '**'];
        await both.same('old filelists', [...globbing, ...rehearsal]);
      }
      await both.same('slashes', ['--exclude', `${source}//a`, ...rehearsal], 15);
      const expression = ['--exclude-regexp', '(', ...rehearsal];
      const anything = /(?:)/u;
      // The original tells of it in a trace.
      await both.same('regular expression', expression, 30, anything);
      await both.same('errors ignored', ['verify', '--ignore-errors', archive, source]);
      both.each((place) => {
        for (const name of readdirSync(`${place}/archive`)) {
          if (/vol1/u.test(name)) appendFileSync(`${place}/archive/${name}`, 'x');
        }
      });
      // How well it was compressed is in the hash.
      const hash = /Calculated hash|Manifest hash/u;
      await both.same('damage', ['restore', archive, both.path('restored')], 21, hash);
      await both.same('nowhere', ['full', source, 'file:///proc/nothing/x'], 52, anything);
    });

    test('store a single file as the root, and go on with what the other has stored', async () => {
      await using real = realDuplicity();
      await using own = ownDuplicity();
      using scratch = scratchDirectory();
      const file = scratch.of('file');
      const touch = (time: number): void => utimesSync(file, time, time);
      const random = Buffer.alloc(2_500_000, 'seed');
      for (let at = 0; at < random.length; at += 4) {
        random.writeUInt32LE(Math.imul(at + 1, 2_654_435_761) >>> 0, at);
      }
      writeFileSync(file, random);
      touch(begin - 100);
      const both = new Both([real, own], scratch);
      const archive = both.url('archive');
      const at = (time: number): string[] => ['--current-time', String(time)];

      await both.same('full', [...at(begin), '--volsize', '1', 'full', file, archive]);
      appendFileSync(file, 'more');
      touch(begin + 10);
      await both.same('difference', ['verify', '--compare-data', archive, file], 1);
      await both.same('incremental', [...at(begin + day), file, archive], 0, /RawDeltaSize/u);
      await both.same('nothing changed', [...at(begin + 2 * day), file, archive]);
      await both.same('files', ['list-current-files', archive]);
      await both.same('changes', ['collection-status', '--show-changes-in-set', '1', archive]);
      await both.same('changes of it', ['collection-status', '--file-changed', '.', archive]);
      await both.same('verify', ['verify', '--compare-data', archive, file]);
      const rehearsal = ['--exclude', '**', '--dry-run', 'full', file, archive];
      await both.same('selection', rehearsal, 0, /SourceFiles|RawDeltaSize/u);
      await both.same('restore', ['restore', archive, both.path('restored')]);
      for (const name of ['duplicity', 'holdfast']) {
        assert.deepEqual(readFileSync(scratch.of(`${name}/restored`)), readFileSync(file));
      }
      await both.same('no part of it', ['-r', 'file', archive, both.path('part')], 19);
      await both.same('restore before', [
        'restore',
        '-t',
        String(begin),
        archive,
        both.path('before'),
      ]);
      for (const name of ['duplicity', 'holdfast']) {
        assert.deepEqual(readFileSync(scratch.of(`${name}/before`)), random);
      }

      // Each goes on with the archive of the other, and reads what both have stored.
      both.exchange();
      appendFileSync(file, 'and more');
      touch(begin + 20);
      const onwards = [...at(begin + 3 * day), 'inc', file, archive];
      await both.same('on with the other', onwards, 0, /RawDeltaSize/u);
      await both.same('verify both', ['verify', '--compare-data', archive, file]);
      await both.same('restore both', ['restore', archive, both.path('of-both')]);
      for (const name of ['duplicity', 'holdfast']) {
        assert.deepEqual(readFileSync(scratch.of(`${name}/of-both`)), readFileSync(file));
      }
      rmSync(file);
      makeTree(file);
      await both.same('now a directory', [...at(begin + 4 * day), file, archive]);
      rmSync(file, { recursive: true });
      writeFileSync(file, 'a file again');
      touch(begin + 30);
      await both.same('a file again', [...at(begin + 5 * day), file, archive]);
      both.exchange();
      await both.same('files at last', ['list-current-files', archive]);
      await both.same('verify at last', ['verify', '--compare-data', archive, file]);
    });

    test('restore under other names, in a part of the archive too', async () => {
      await using real = realDuplicity();
      await using own = ownDuplicity();
      using scratch = scratchDirectory();
      const source = scratch.of('source');
      makeTree(source);
      const both = new Both([real, own], scratch);
      const archive = both.url('archive');
      await both.same('backup', ['--current-time', String(begin), source, archive]);
      for (const [target, ...parameters] of [
        ['whole', '--rename', 'sub/deep', 'deep', '--rename', 'a.txt', 'b.txt'],
        ['part', '--rename', 'deep', 'flat', '--file-to-restore', 'sub'],
        ['elsewhere', '--rename', 'sub/deep', 'sub/flat', '--file-to-restore', 'sub'],
      ]) {
        await both.same(target!, ['restore', ...parameters, archive, both.path(target!)]);
        const [expected, restored] = [real, own].map(({ name }) =>
          readdirSync(scratch.of(`${name}/${target}`), { recursive: true })
            .map(String)
            .toSorted(),
        );
        assert.deepEqual(restored, expected, target);
      }
    });

    test('follow links when they are told to', async () => {
      await using real = realDuplicity();
      await using own = ownDuplicity();
      using scratch = scratchDirectory();
      const source = scratch.of('source');
      makeTree(source);
      mkdirSync(scratch.of('outside'));
      writeFileSync(scratch.of('outside/o'), 'o');
      utimesSync(scratch.of('outside/o'), begin - day, begin - day);
      symlinkSync('../outside', `${source}/out`);
      symlinkSync('../../outside/o', `${source}/sub/file-link`);
      symlinkSync('sub/deep', `${source}/also-deep`);
      symlinkSync('itself', `${source}/itself`);
      for (const name of ['sub', '']) utimesSync(`${source}/${name}`, begin - day, begin - day);
      const both = new Both([real, own], scratch);
      const archive = both.url('archive');
      const at = (time: number): string[] => ['--current-time', String(time)];
      // The original says nothing of links that lead nowhere, but counts them.
      const nowhere =
        /Verify complete|possibly locked file \S+\/(?:itself|sub\/link)$|^WARNING 10 |^$/u;
      const follow = ['--copy-links', source, archive];

      await both.same('full', [...at(begin), 'full', ...follow], 0, nowhere);
      await both.same('files', ['list-current-files', archive]);
      await both.same('unchanged', [...at(begin + day), 'inc', ...follow], 0, nowhere);
      const verify = ['verify', '--compare-data'];
      await both.same('verify', [...verify, '--copy-links', archive, source], 0, nowhere);
      await both.same('without', [...verify, archive, source], 1);
      both.exchange();
      rmSync(scratch.of('outside/o'));
      appendFileSync(`${source}/sub/deep/x`, '!');
      utimesSync(`${source}/sub/deep/x`, begin + 10, begin + 10);
      utimesSync(scratch.of('outside'), begin + 10, begin + 10);
      // Ours looks into more of what the original has stored.
      const gone = new RegExp(`${nowhere.source}|file-link$|Changed|Delta`, 'u');
      await both.same('changes', [...at(begin + 2 * day), 'inc', ...follow], 0, gone);
      await both.same('files', ['list-current-files', archive]);
      await both.same('restore', ['restore', archive, both.path('restored')]);
      for (const name of ['duplicity', 'holdfast']) {
        assert.equal(readFileSync(scratch.of(`${name}/restored/also-deep/x`), 'utf8'), 'x!');
        assert.equal(existsSync(scratch.of(`${name}/restored/sub/file-link`)), false);
      }
      await both.same('links again', [...at(begin + 3 * day), source, archive]);
      await both.same('files', ['list-current-files', archive]);
      await both.same('nowhere', ['--copy-links', `${source}/itself`, archive], 13);
    });

    test('links that lead in a circle end the original, and ours goes on', async () => {
      await using own = ownDuplicity();
      using scratch = scratchDirectory();
      const source = scratch.of('source');
      makeTree(source);
      symlinkSync('..', `${source}/sub/deep/up`);
      const archive = `file://${scratch.of('archive')}`;
      const common = [`--archive-dir=${scratch.of('cache')}`, '--no-encryption'];
      const environment = { HOME: scratch.path };
      const full = await own.run([...common, 'full', '--copy-links', source, archive], environment);
      assert.equal(full.status, 0, full.errors);
      assert.match(full.output, /possibly locked file \S+\/sub\/deep\/up$/mu);
      const list = await own.run([...common, 'list-current-files', archive], environment);
      assert.match(list.output, / sub\/deep\/up\n/u);
      assert.doesNotMatch(list.output, /deep\/up\//u);
    });
  },
);
