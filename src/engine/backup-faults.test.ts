import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { steered, type Step, type StorageMethod } from '#test/support/faulty-storage.ts';
import { backUpOnce, createSmall, machine, openSmall } from '#test/support/small-repository.ts';
import {
  assertSameTree,
  completeSnapshots,
  factsInSnapshot,
  factsOnDisk,
  type TreeFacts,
} from '#test/support/stored-tree.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock, type Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { objectPrefixes } from '../repository/native/objects/object-name.ts';
import { MemoryStorage } from '../storage/drivers/memory/memory.ts';

const lateClock: Clock = { ...systemClock, now: () => Date.now() + 3_600_000 };

interface Fault {
  readonly title: string;
  /** What a call meets; undefined if this fault does not happen to it. */
  readonly step: (method: StorageMethod) => Step;
}

const isChange = (method: StorageMethod): boolean => method === 'put' || method === 'delete';

const faults: readonly Fault[] = [
  {
    title: 'no space left',
    step: (method) =>
      method === 'put' ? new AppError('storage/out-of-space', 'No space left') : undefined,
  },
  {
    title: 'unavailable before the call, or in the middle of a listing',
    step: (method) => {
      const error = new AppError('storage/unavailable', 'Input/output error');
      return method === 'list' ? { after: error } : error;
    },
  },
  {
    title: 'a change whose answer is lost',
    step: (method) =>
      isChange(method)
        ? { after: new AppError('storage/unavailable', 'Connection lost') }
        : undefined,
  },
];

describe('backup with a failure at every storage call in turn', () => {
  for (const { title, step } of faults) {
    test(title, { timeout: 120_000 }, async () => {
      await using directory = await temporaryDirectory();
      const source = `${directory.path}/source`;
      mkdirSync(`${source}/below`, { recursive: true });
      for (let index = 0; index < 5; index++) {
        writeFileSync(`${source}/below/file-${index}`, randomBytes(300));
      }
      const storage = new MemoryStorage();
      const places = machine(directory.path, 'laptop', lateClock);
      await createSmall(storage, places);
      const input = { paths: [source], clock: lateClock };
      const kept = new Map<string, TreeFacts>();
      kept.set(await backUpOnce(storage, places, input), factsOnDisk(source));

      let failures = 0;
      for (let number = 1; ; number++) {
        // Something is new in every round, so that every run has packs, an index object and a tree to store.
        writeFileSync(`${source}/below/new-${number % 3}`, randomBytes(200));
        appendFileSync(`${source}/grows`, `${number}\n`);
        let calls = 0;
        const faulty = steered(storage, (method) => {
          const meets = step(method);
          return meets !== undefined && ++calls === number ? meets : undefined;
        });
        let failure: AppError | undefined;
        try {
          const id = await backUpOnce(faulty, places, input);
          kept.set(id, factsOnDisk(source));
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          failure = error;
        }
        if (calls < number) break;
        if (failure !== undefined) {
          failures++;
          assert.match(
            failure.code,
            /^(?:storage|repository)\//u,
            `call ${number}: ${failure.code}`,
          );
        }
        // No seal stands without its final, whatever was lost.
        const finals = new Set<string>();
        for await (const { name } of storage.list(objectPrefixes.final))
          finals.add(name.slice(-32));
        for await (const { name } of storage.list(objectPrefixes.seal)) {
          assert.ok(finals.has(name.slice(-32)), `call ${number}: a seal without a final`);
        }
        if (failure === undefined) continue;
        const next = await backUpOnce(storage, places, input);
        kept.set(next, factsOnDisk(source));
      }
      assert.ok(failures >= 3, `${failures} failures`);

      // From nothing but the storage: everything that was ever reported is complete and whole.
      rmSync(`${directory.path}/laptop`, { recursive: true });
      await using repository = await openSmall(storage, machine(directory.path, 'other'));
      const complete = await completeSnapshots(repository.access);
      for (const [id, facts] of kept) {
        assert.ok(complete.includes(id));
        assertSameTree(await factsInSnapshot(repository.access, id), facts, id);
      }
      // What was sealed without our knowing (a lost answer) is whole as well.
      for (const id of complete) await factsInSnapshot(repository.access, id);
      const pending = await Array.fromAsync(storage.list(objectPrefixes.pending));
      assert.ok(pending.length <= failures);
    });
  }
});

for (const code of [
  'storage/out-of-space',
  'storage/access-denied',
  'storage/unavailable',
] as const) {
  test(`a backup is a success if nothing can be deleted after it: ${code}`, async () => {
    await using directory = await temporaryDirectory();
    const source = `${directory.path}/source`;
    mkdirSync(source);
    writeFileSync(`${source}/file`, 'content');
    const storage = new MemoryStorage();
    const places = machine(directory.path, 'laptop', lateClock);
    await createSmall(storage, places);
    const stubborn = steered(storage, (method) =>
      method === 'delete' ? new AppError(code, 'It stays') : undefined,
    );
    const id = await backUpOnce(stubborn, places, { paths: [source], clock: lateClock });
    await using repository = await openSmall(storage, places);
    assert.deepEqual(await completeSnapshots(repository.access), [id]);
  });
}
