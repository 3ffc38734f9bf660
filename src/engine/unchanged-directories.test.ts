import assert from 'node:assert/strict';
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { backUp, createSmall, machine, openSmall } from '#test/support/small-repository.ts';
import { assertSameTree, factsInSnapshot, factsOnDisk } from '#test/support/stored-tree.ts';

import { toHex } from '../base/bytes.ts';
import { systemClock } from '../base/clock.ts';
import type { SummaryEvent } from '../model/event.ts';
import type { NativeRepository } from '../repository/native/native-repository.ts';
import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';
import { MemoryStorage } from '../storage/drivers/memory/memory.ts';

/** Times are old enough to be trusted. */
const clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 };

interface Scene extends AsyncDisposable {
  readonly source: string;
  readonly storage: MemoryStorage;
  readonly repository: NativeRepository;
  backUp(how?: 'verbose' | 'forced' | 'early'): Promise<SummaryEvent>;
}

async function scene(): Promise<Scene> {
  const scratch = scratchDirectory();
  const source = scratch.of('source');
  for (const name of ['a/deep/er', 'b', 'empty', 'z']) {
    mkdirSync(`${source}/${name}`, { recursive: true });
  }
  for (const name of ['a/one', 'a/deep/two', 'a/deep/er/three', 'b/four', 'top', 'z/none']) {
    writeFileSync(`${source}/${name}`, name === 'z/none' ? '' : `content of ${name}\n`.repeat(99));
  }
  symlinkSync('one', `${source}/a/link`);
  linkSync(`${source}/top`, `${source}/b/linked`);
  const storage = new MemoryStorage({ clock: systemClock });
  const places = machine(scratch.path, 'laptop', clock);
  await createSmall(storage, places);
  const repository = await openSmall(storage, places);
  return {
    source,
    storage,
    repository,
    backUp: (how) =>
      backUp(repository, {
        paths: [source],
        clock: how === 'early' ? systemClock : clock,
        forceRead: how === 'forced',
        ...(how === 'verbose' && { report: () => undefined }),
      }),
    async [Symbol.asyncDispose]() {
      await repository[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

async function rootOf({ access }: NativeRepository, snapshot: string | undefined): Promise<string> {
  const { snapshots } = await listSnapshots(access);
  return toHex(snapshots.find(({ final }) => final.id === snapshot)!.final.root);
}

function countsOf({ files, bytes, filesNew, filesChanged, filesUnchanged, details }: SummaryEvent) {
  const { directories, others } = details!;
  return { files, bytes, filesNew, filesChanged, filesUnchanged, directories, others };
}

describe('directories that are as they were', () => {
  test('count as if each entry had been looked at, and nothing of them is read', async () => {
    await using all = await scene();
    await all.backUp();
    const whole = await all.backUp();
    const each = await all.backUp('verbose');
    assert.deepEqual(countsOf(whole), countsOf(each));
    assert.equal(whole.filesUnchanged, 7);
    assert.equal(whole.bytesRead, 0);
    const forced = await all.backUp('forced');
    assert.ok(forced.bytesRead > 0, 'what is not to be trusted is read');
    assert.deepEqual(countsOf(forced), countsOf(each), 'and is not new for that');
    for (const { snapshot } of [whole, each]) {
      assert.equal(
        await rootOf(all.repository, snapshot),
        await rootOf(all.repository, forced.snapshot),
      );
    }
  });

  const changes: Readonly<Record<string, (source: string) => void>> = {
    'a file is written in place': (source) => appendFileSync(`${source}/a/deep/two`, 'more'),
    'a file is added': (source) => writeFileSync(`${source}/a/deep/er/new`, 'new'),
    'a file is removed': (source) => rmSync(`${source}/b/four`),
    'the last file of a directory is removed': (source) => rmSync(`${source}/z/none`),
    'a directory is removed': (source) => rmSync(`${source}/a/deep/er`, { recursive: true }),
    'an empty directory gets something': (source) => writeFileSync(`${source}/empty/now`, 'now'),
    'a file becomes a directory': (source) => {
      rmSync(`${source}/a/deep/two`);
      mkdirSync(`${source}/a/deep/two`);
    },
    'a link leads elsewhere': (source) => {
      rmSync(`${source}/a/link`);
      symlinkSync('two', `${source}/a/link`);
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    test(`are stored beside what has changed: ${what}`, async () => {
      await using all = await scene();
      await all.backUp();
      await all.backUp();
      change(all.source);
      const { snapshot } = await all.backUp();
      assertSameTree(
        await factsInSnapshot(all.repository.access, snapshot!),
        factsOnDisk(all.source),
      );
      // And what is remembered now is right as well.
      const again = await all.backUp();
      assert.equal(again.bytesRead, 0);
      const forced = await all.backUp('forced');
      assert.equal(
        await rootOf(all.repository, again.snapshot),
        await rootOf(all.repository, forced.snapshot),
      );
    });
  }

  test('are not read again and again after a run that came too soon after a change', async () => {
    await using all = await scene();
    await all.backUp('early');
    assert.ok((await all.backUp()).bytesRead > 0);
    assert.equal((await all.backUp()).bytesRead, 0);
  });

  test('are read again when what they hold is stored no more', async () => {
    await using all = await scene();
    await all.backUp();
    for (const prefix of ['packs/', 'index/']) {
      const names = await Array.fromAsync(all.storage.list(prefix));
      for (const { name } of names) await all.storage.delete(name);
    }
    rmSync(cacheOfObjects(all.source), { recursive: true });
    const { snapshot, bytesRead } = await all.backUp();
    assert.ok(bytesRead > 0);
    assertSameTree(
      await factsInSnapshot(all.repository.access, snapshot!),
      factsOnDisk(all.source),
    );
  });
});

/** Where this machine keeps copies of small objects. */
function cacheOfObjects(source: string): string {
  const cache = `${source}/../laptop/cache`;
  const [repository] = readdirSync(cache);
  return `${cache}/${repository}/objects`;
}
