import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync, mkdirSync } from 'node:fs';
import { describe, test } from 'node:test';

import { ownDuplicity, realDuplicity } from '#test/compat/duplicity-programs.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { Both } from './both-programs.ts';

const begin = 1_700_000_000;
const day = 86_400;
const at = (days: number): string[] => ['--current-time', String(begin + days * day)];

/** Gives a file the content and the time of a day. */
function write(file: string, days: number): void {
  writeFileSync(file, `of day ${days}`);
  utimesSync(file, begin + days * day - 10, begin + days * day - 10);
}

/** Removes what fits from the destination of each program. */
function lose(both: Both, what: RegExp): void {
  both.each((place) => {
    const lost = readdirSync(`${place}/archive`).filter((name) => what.test(name));
    assert.notEqual(lost.length, 0);
    for (const name of lost) rmSync(`${place}/archive/${name}`);
  });
}

describe(
  'signatures that were lost',
  { skip: missingPrograms(['duplicity', '/usr/bin/python3']) },
  () => {
    test('keep both programs from building upon the chain, and what is in it stays', async () => {
      await using real = realDuplicity();
      await using own = ownDuplicity();
      using scratch = scratchDirectory();
      const [source, file] = [scratch.of('source'), scratch.of('source/a')];
      mkdirSync(source);
      const both = new Both([real, own], scratch);
      const archive = both.url('archive');
      const backUp = async (days: number, status = 0, ...action: string[]): Promise<void> => {
        write(file, days);
        utimesSync(source, begin, begin);
        await both.same(`day ${days}`, [...action, ...at(days), source, archive], status);
      };

      await backUp(1);
      await backUp(2);
      lose(both, /new-signatures/u);
      await backUp(3, 17, 'inc');
      await backUp(3);
      await both.same('status', ['collection-status', archive]);
      for (const days of [1, 2, 3]) {
        const time = String(begin + days * day);
        await both.same('restore', ['restore', '-t', time, archive, both.path(`to-${days}`)]);
        both.each((place) => {
          assert.equal(readFileSync(`${place}/to-${days}/a`, 'utf8'), `of day ${days}`);
        });
      }
      await backUp(4);
      await both.same('status', ['collection-status', archive]);
    });

    test('make the ones behind them useless, which are named and removed', async () => {
      await using real = realDuplicity();
      await using own = ownDuplicity();
      using scratch = scratchDirectory();
      const [source, file] = [scratch.of('source'), scratch.of('source/a')];
      mkdirSync(source);
      const both = new Both([real, own], scratch);
      const archive = both.url('archive');
      for (const days of [1, 2]) {
        write(file, days);
        utimesSync(source, begin, begin);
        await both.same(`day ${days}`, [...at(days), source, archive]);
      }
      lose(both, /full-signatures/u);
      // The original still calls the chain whole where it has a copy of what was lost.
      both.each((place) => rmSync(`${place}/cache`, { recursive: true }));
      await both.same('status', ['collection-status', archive]);
      const cleanUp = ['--metadata-sync-mode', 'partial', 'cleanup'];
      await both.same('cleanup', [...cleanUp, archive]);
      await both.same('rehearsal', [...cleanUp, '--force', '--dry-run', archive]);
      await both.same('cleanup', [...cleanUp, '--force', archive]);
      await both.same('status', ['collection-status', archive]);
      await both.same('restore', ['restore', archive, both.path('restored')]);
      both.each((place) => {
        assert.equal(readFileSync(`${place}/restored/a`, 'utf8'), 'of day 2');
      });
    });
  },
);
