import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { backUpSample, SampleRepository } from '#test/support/sample-repository.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { systemClock } from '../../../base/clock.ts';
import type { AppError } from '../../../base/errors.ts';
import { OwnSeals } from './own-seals.ts';

const hash = (digit: string): string => digit.repeat(64);

describe('the numbers of the seals of a machine', () => {
  test('a number that came to nothing is given again', async () => {
    await using directory = await temporaryDirectory();
    const { access } = new SampleRepository().host();
    const seals = new OwnSeals(access, directory.path, assert.fail);
    assert.equal(await seals.seal(async () => hash('a')), 1);
    assert.equal(await seals.seal(async () => undefined), undefined);
    await assert.rejects(
      seals.seal(async () => {
        throw new Error('not stored');
      }),
      /not stored/u,
    );
    const seen: unknown[] = [];
    const number = await seals.seal(async (...given) => {
      seen.push(given);
      return hash('b');
    });
    assert.equal(number, 2);
    assert.deepEqual(seen, [[2, hash('a')]]);
  });

  test('after the loss of what this machine remembers, the storage tells', async () => {
    await using directory = await temporaryDirectory();
    const sample = new SampleRepository();
    const host = sample.host();
    await backUpSample(host, { x: Buffer.from('one') });
    await backUpSample(host, { y: Buffer.from('two') });
    const seals = new OwnSeals(host.access, directory.path, assert.fail);
    assert.equal(await seals.seal(async () => hash('c')), 3);
    for (const name of await readdir(directory.path)) await rm(join(directory.path, name));
    assert.equal(await seals.seal(async () => hash('d')), 3);
  });

  test('a seal that is stored counts, also if this machine cannot remember it', async () => {
    await using directory = await temporaryDirectory();
    const { access } = new SampleRepository().host();
    const problems: AppError[] = [];
    const seals = new OwnSeals(access, directory.path, (problem) => problems.push(problem));
    const inTheWay = join(directory.path, 'last-seal.json');
    const number = await seals.seal(async () => {
      await mkdir(inTheWay);
      return hash('a');
    });
    assert.equal(number, 1);
    assert.deepEqual(
      problems.map(({ code, message }) => [code, message]),
      [['local/unwritable', `Cannot keep "${inTheWay}": it is a directory`]],
    );
    assert.deepEqual((await readdir(directory.path)).toSorted(), ['last-seal.json', 'seal.lock']);
    // Before anything is stored, what cannot be read is a failure.
    await assert.rejects(seals.seal(assert.fail), { code: 'local/unwritable' });
  });

  test('nothing is sealed where there can be no lock', async () => {
    await using directory = await temporaryDirectory();
    const { access } = new SampleRepository().host();
    const file = join(directory.path, 'file');
    await writeFile(file, '');
    const seals = new OwnSeals(access, file, assert.fail);
    await assert.rejects(seals.seal(assert.fail), { code: 'local/unwritable' });
  });

  test('a machine that took another id begins anew, without a gap', async () => {
    await using directory = await temporaryDirectory();
    const sample = new SampleRepository();
    const before = new OwnSeals(sample.host().access, directory.path, assert.fail);
    for (const digit of ['a', 'b']) await before.seal(async () => hash(digit));
    const after = new OwnSeals(sample.host().access, directory.path, assert.fail);
    assert.equal(await after.seal(async () => hash('c')), 1);
    assert.equal(await after.seal(async () => hash('d')), 2);
  });

  test('two at once get different numbers', async () => {
    await using directory = await temporaryDirectory();
    const { access } = new SampleRepository().host();
    const [one, other] = [1, 2].map(
      () => new OwnSeals({ ...access, clock: systemClock }, directory.path, assert.fail),
    );
    const numbers = await Promise.all([
      one?.seal(async () => hash('a')),
      other?.seal(async () => hash('b')),
    ]);
    assert.deepEqual(numbers.toSorted(), [1, 2]);
  });
});
