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

/** Backs one file up with both programs, day after day, and looks at what is left when files of the archive are lost. */
class LostFiles implements AsyncDisposable {
  readonly #programs = [realDuplicity(), ownDuplicity()];
  readonly #scratch = scratchDirectory();
  readonly both = new Both(this.#programs, this.#scratch);
  readonly archive = this.both.url('archive');

  /** The backup of a day, whose number is the content. */
  async backUp(days: number, action: readonly string[] = [], status = 0): Promise<void> {
    const source = this.#scratch.of('source');
    mkdirSync(source, { recursive: true });
    writeFileSync(`${source}/a`, `of day ${days}`);
    utimesSync(`${source}/a`, begin + days * day - 10, begin + days * day - 10);
    utimesSync(source, begin, begin);
    await this.both.same(`day ${days}`, [...action, ...at(days), source, this.archive], status);
  }

  async status(): Promise<void> {
    await this.both.same('status', ['collection-status', this.archive]);
  }

  /** Both give back what there was on a day. */
  async restore(days: number): Promise<void> {
    const to = `to-${days}`;
    const time = ['-t', String(begin + days * day)];
    await this.both.same(to, ['restore', ...time, this.archive, this.both.path(to)]);
    this.both.each((place) => {
      assert.equal(readFileSync(`${place}/${to}/a`, 'utf8'), `of day ${days}`);
    });
  }

  /** Removes what fits from the destination of each program. */
  lose(what: RegExp): void {
    this.both.each((place) => {
      const lost = readdirSync(`${place}/archive`).filter((name) => what.test(name));
      assert.notEqual(lost.length, 0);
      for (const name of lost) rmSync(`${place}/archive/${name}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program[Symbol.asyncDispose]();
    this.#scratch[Symbol.dispose]();
  }
}

describe(
  'signatures that were lost',
  { skip: missingPrograms(['duplicity', '/usr/bin/python3']) },
  () => {
    test('keep both programs from building upon the chain, and what is in it stays', async () => {
      await using scene = new LostFiles();
      await scene.backUp(1);
      await scene.backUp(2);
      scene.lose(/new-signatures/u);
      await scene.backUp(3, ['inc'], 17);
      await scene.backUp(3);
      await scene.status();
      for (const days of [1, 2, 3]) await scene.restore(days);
      await scene.backUp(4);
      await scene.status();
    });

    test('make the ones behind them useless, which are named and removed', async () => {
      await using scene = new LostFiles();
      const { both, archive } = scene;
      await scene.backUp(1);
      await scene.backUp(2);
      scene.lose(/full-signatures/u);
      // The original still calls the chain whole where it has a copy of what was lost.
      both.each((place) => rmSync(`${place}/cache`, { recursive: true }));
      await scene.status();
      const cleanUp = ['--metadata-sync-mode', 'partial', 'cleanup'];
      await both.same('cleanup', [...cleanUp, archive]);
      await both.same('rehearsal', [...cleanUp, '--force', '--dry-run', archive]);
      await both.same('cleanup', [...cleanUp, '--force', archive]);
      await scene.status();
      await scene.restore(2);
    });

    test('are told of once where they are those of sets behind a lost one', async () => {
      await using scene = new LostFiles();
      for (const days of [1, 2, 3, 4]) await scene.backUp(days);
      scene.lose(/20231116T221320Z\.to\.20231117/u);
      await scene.restore(2);
    });
  },
);
