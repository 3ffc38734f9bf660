import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
  describeTree,
  type ExpectedEntry,
  openArchive,
  plainProtection,
  setsAt,
  symmetricProtection,
  plainRestore,
} from '#test/support/duplicity-fixture.ts';
import { operation } from '#test/support/operation.ts';
import { openHandles, scratchDirectory } from '#test/support/scratch-directory.ts';
import { SeededRandom } from '#test/support/seeded-random.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { systemClock } from '../../base/clock.ts';
import { failureOf, runProgram } from '../../base/process.ts';
import { FileStorage } from '../../storage/drivers/file/file.ts';
import { restoreArchive } from './restore-archive.ts';

const needsDuplicity = { skip: missingPrograms(['duplicity', 'gpg']) };
const start = 1_700_000_000;
const day = 86_400;

/** Changes a tree in all ways; every file that changes gets another time, since the real program looks at nothing else. */
class ChangingTree {
  readonly #root: string;
  readonly #random: SeededRandom;
  /** What stays, in ever other orders. */
  #lasting: Buffer;
  #time = 1_690_000_000;

  constructor(root: string, seed: number) {
    this.#root = root;
    this.#random = new SeededRandom(seed);
    mkdirSync(root);
    mkdirSync(this.#of('dir'));
    this.#lasting = this.#random.bytes(2_400_000);
    this.write('big', this.#lasting);
    for (const length of [0, 1, 65_535, 65_536, 131_072]) {
      this.write(`exact-${length}`, this.#random.bytes(length));
    }
    this.write('dir/grows', Buffer.alloc(70_000, 'grows '));
    this.write('dir/shrinks', this.#random.bytes(90_000));
    this.write('vanishes', Buffer.from('vanishes'));
    this.write('moves', this.#random.bytes(5_000));
    symlinkSync('big', this.#of('link'));
  }

  write(name: string, bytes: Uint8Array): void {
    writeFileSync(this.#of(name), bytes);
    this.#touch(name);
  }

  change(step: number): void {
    // Parts change their places, others are new.
    const head = this.#random.bytes(200_000 + this.#random.below(100_000));
    this.write('big', Buffer.concat([head, this.#turned(), this.#random.bytes(3_000)]));
    this.write('dir/grows', Buffer.alloc(70_000 + step * 65_536, 'grows '));
    truncateSync(this.#of('dir/shrinks'), 90_000 - step * 15_000);
    this.#touch('dir/shrinks');
    this.write(`new-${step}`, this.#random.bytes(65_536 * step));
    if (step === 1) unlinkSync(this.#of('vanishes'));
    if (step === 2) mkdirSync(this.#of('vanishes'));
    if (step === 3) {
      rmSync(this.#of('vanishes'), { recursive: true });
      symlinkSync('nowhere', this.#of('vanishes'));
      chmodSync(this.#of('exact-1'), 0o600);
    }
    renameSync(this.#of(step === 1 ? 'moves' : `moves-${step - 1}`), this.#of(`moves-${step}`));
  }

  #turned(): Buffer {
    const cut = this.#random.below(this.#lasting.length);
    this.#lasting = Buffer.concat([this.#lasting.subarray(cut), this.#lasting.subarray(0, cut)]);
    return this.#lasting;
  }

  #touch(name: string): void {
    this.#time += 10;
    utimesSync(this.#of(name), this.#time, this.#time);
  }

  #of(name: string): string {
    return path.join(this.#root, name);
  }
}

function unordered(entries: readonly ExpectedEntry[]): unknown[] {
  return entries.map((entry) => new Map(Object.entries(entry)));
}

for (const encrypted of [false, true]) {
  const what = encrypted ? 'with a passphrase' : 'unencrypted';
  test(`chains of many volumes by the real program, ${what}`, needsDuplicity, async () => {
    using scratch = scratchDirectory();
    const source = scratch.of('source');
    const destination = scratch.of('destination');
    const tree = new ChangingTree(source, encrypted ? 1 : 2);
    const expected: ExpectedEntry[][] = [];
    for (let step = 0; step < 5; step++) {
      if (step > 0) tree.change(step);
      expected.push(describeTree(source));
      const result = await runProgram(
        [
          'duplicity',
          step === 0 ? 'full' : 'incremental',
          '--archive-dir',
          scratch.of('cache'),
          '--name',
          'test',
          '--volsize',
          '1',
          '--current-time',
          String(start + step * day),
          ...(encrypted ? [] : ['--no-encryption']),
          source,
          `file://${destination}`,
        ],
        {
          environment: {
            PATH: process.env['PATH'],
            HOME: scratch.path,
            TMPDIR: scratch.path,
            ...(encrypted && { PASSPHRASE: 'some words' }),
          },
        },
      );
      assert.equal(failureOf(result), undefined);
    }
    const handles = openHandles();
    for (const [step, entries] of expected.entries()) {
      const protection = encrypted ? symmetricProtection('some words') : plainProtection;
      await using archive = await openArchive(await FileStorage.open(destination), protection);
      const context = operation(systemClock);
      const target = scratch.of(`target-${step}`);
      const { summary, volumes } = await restoreArchive(
        {
          archive,
          sets: await setsAt(archive, start + step * day),
          target,
          ...plainRestore,
        },
        context,
      );
      assert.deepEqual(
        context.events.filter(({ type }) => type === 'problem'),
        [],
      );
      assert.deepEqual(unordered(describeTree(target)), unordered(entries), `step ${step}`);
      assert.equal(summary.errors, 0);
      assert.ok(volumes.length > step + 2);
    }
    assert.equal(openHandles(), handles);
  });
}
