import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { steered } from '#test/support/faulty-storage.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { kept, machine, openSmall } from '#test/support/small-repository.ts';
import { noise, problemsOf, restoreNewest, snapshotOf } from '#test/support/small-restore.ts';

import { AppError } from '../base/errors.ts';
import { checkRepository, type CheckOptions } from '../repository/native/check/check-repository.ts';
import type { Storage } from '../storage/storage.ts';

/** As the driver of directories tells of a bad place on the disk. */
const lost = (name: string): AppError =>
  new AppError('storage/unavailable', `Cannot read "${name}": the device reports an error`, {
    details: { system: 'EIO' },
  });

/** A snapshot of two files in packs of their own; `pack` is that of the first. */
async function scene(place: string) {
  const first = await snapshotOf(place, (at) => writeFileSync(`${at}/first`, noise(100_000)));
  const { storage } = first;
  const packs = await Array.fromAsync(storage.list('packs/'));
  const pack = packs.toSorted((left, right) => right.size - left.size)[0]!.name;
  await snapshotOf(place, (at) => writeFileSync(`${at}/second`, noise(100_000)), storage);
  return { ...first, pack };
}

async function check(storage: Storage, place: string, options: CheckOptions) {
  await using repository = await openSmall(kept(storage), machine(place));
  return await checkRepository(repository.access, options);
}

describe('a pack that the disk does not give', () => {
  const checks: readonly CheckOptions[] = [{ readData: 'all', workers: 1 }, {}];

  test('costs a restore what is in it, and nothing else', async () => {
    using scratch = scratchDirectory();
    const { storage, source, target, pack } = await scene(scratch.path);
    let reads = 0;
    const worn = steered(storage, (method, name) => {
      if (method !== 'read' || name !== pack) return undefined;
      reads++;
      return lost(name);
    });
    const restored = await restoreNewest(kept(worn), scratch.path, { target });
    assert.deepEqual(readFileSync(`${target}/second`), readFileSync(`${source}/second`));
    assert.ok(!existsSync(`${target}/first`));
    assert.match(problemsOf(restored).join('\n'), /"first" are lost/u);
    // Each read takes the disk a while: not one for each blob of a segment.
    assert.ok(reads < 6, String(reads));
  });

  for (const options of checks) {
    test(`is damage to a check: ${JSON.stringify(options)}`, async () => {
      using scratch = scratchDirectory();
      const { storage, pack } = await scene(scratch.path);
      const worn = steered(storage, (method, name) =>
        method === 'read' && name === pack ? lost(name) : undefined,
      );
      const { findings, affected } = await check(worn, scratch.path, options);
      assert.ok(findings.some(({ object, severity }) => object === pack && severity === 'error'));
      assert.equal(affected.length, 2);
    });
  }

  test('is no damage if the disk gives nothing any more', async () => {
    using scratch = scratchDirectory();
    const { storage, target, pack } = await scene(scratch.path);
    const dying = (): Storage => {
      let isDead = false;
      return steered(storage, (method, name) => {
        isDead ||= method === 'read' && name === pack;
        return isDead ? lost(name) : undefined;
      });
    };
    const failure = { code: 'storage/unavailable' };
    await assert.rejects(restoreNewest(kept(dying()), scratch.path, { target }), failure);
    for (const options of checks) {
      await assert.rejects(check(dying(), scratch.path, options), failure);
    }
  });
});
