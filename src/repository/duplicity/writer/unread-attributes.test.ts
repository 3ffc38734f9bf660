import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { openArchive, setsAt } from '#test/support/duplicity-fixture.ts';
import { plainEntry } from '#test/support/sample-entry.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { fullSet } from '#test/support/full-set.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import type { InodeFacts } from '../extra-records.ts';
import { SignatureState } from '../reader/signature-state.ts';
import { placeOf } from './set-place.ts';
import type { ItemEntry, SourceItem } from './source-item.ts';
import { type SetInput, writeSet } from './write-set.ts';

function entryOf(type: 'file' | 'directory'): ItemEntry {
  return {
    ...plainEntry,
    type,
    user: 'root',
    group: 'root',
    mtime: { seconds: 1_700_000_000, nanoseconds: 5 },
    blocks: 0,
  };
}

const rootItem: SourceItem = {
  path: new Uint8Array(),
  entry: entryOf('directory'),
  linkGroup: undefined,
  open: () => assert.fail('A directory was opened'),
};

async function write(
  archive: DuplicityArchive,
  more: Pick<SetInput, 'items'> & Partial<SetInput>,
): Promise<void> {
  await writeSet(placeOf(archive), {
    ...fullSet,
    onProblem: (_path, { code }) => assert.equal(code, 'source/changed'),
    onVolume: () => undefined,
    ...more,
  });
}

/** An incremental set upon the newest one. */
async function writeNext(
  archive: DuplicityArchive,
  more: Pick<SetInput, 'items'> & Partial<SetInput>,
): Promise<void> {
  const sets = await setsAt(archive);
  const start = sets.at(-1)?.end ?? 0;
  await write(archive, {
    identity: { set: 'incremental', start, end: start + 10 },
    state: () => new SignatureState(archive, sets),
    ...more,
  });
}

describe('attributes', () => {
  const value = Buffer.from('value');
  const asked: string[] = [];
  interface Lazy {
    readonly size?: number;
    readonly attribute?: string;
    readonly steady?: boolean;
    readonly linkGroup?: string | undefined;
  }
  /** A file whose attributes are read when they are asked for. */
  const lazy = (
    path: string,
    inode: InodeFacts,
    { attribute = '', steady = true, linkGroup, size = 0 }: Lazy = {},
  ): SourceItem => {
    const item: SourceItem = {
      path: Buffer.from(path),
      entry: { ...entryOf('file'), size },
      linkGroup: linkGroup === undefined ? undefined : Buffer.from(linkGroup),
      inode,
      open: () => ({
        readInto: () => 0,
        isUnchanged: () => steady,
        [Symbol.dispose]: () => undefined,
      }),
    };
    const xattrs = attribute === '' ? [] : [{ name: Buffer.from(attribute), value }];
    return {
      ...item,
      withAttributes: () => {
        asked.push(path);
        return { ...item, entry: { ...item.entry, xattrs } };
      },
    };
  };
  const at = (seconds: number, inode = 7n): InodeFacts => ({
    inode,
    device: 5,
    ctime: { seconds, nanoseconds: 12 },
  });

  test('are read of what is stored, and of what is not known to be the same inode', async () => {
    await using archive = await openArchive(new MemoryStorage());
    const now = Math.floor(archive.clock.now() / 1000);
    const old = now - 100;
    await write(archive, {
      items: [
        rootItem,
        lazy('changed', at(old)),
        lazy('lately', at(now)),
        lazy('moved', at(old)),
        lazy('same', at(old), { attribute: 'user.a' }),
        lazy('torn', at(old), { steady: false }),
        lazy('touched', at(old)),
      ],
    });
    assert.deepEqual(asked.splice(0), ['changed', 'lately', 'moved', 'same', 'torn', 'touched']);
    const seen: Record<string, string> = {};
    await writeNext(archive, {
      items: [
        rootItem,
        lazy('changed', at(old + 1), { attribute: 'user.a' }),
        lazy('lately', at(now)),
        lazy('moved', at(old, 8n)),
        lazy('same', at(old)),
        lazy('torn', at(old)),
        lazy('touched', at(old + 1)),
      ],
      onItem: (outcome, path) => void (seen[Buffer.from(path).toString()] = outcome),
    });
    assert.deepEqual(seen, {
      '': 'unchanged',
      changed: 'changed',
      lately: 'unchanged',
      moved: 'unchanged',
      same: 'unchanged',
      torn: 'changed',
      touched: 'unchanged',
    });
    assert.deepEqual(new Set(asked), new Set(['changed', 'lately', 'moved', 'torn', 'touched']));
  });

  test('are read again of what was changed less than two seconds before the run', async () => {
    await using archive = await openArchive(new MemoryStorage());
    const clock = new FakeClock();
    const now = clock.now() / 1000;
    const items = [2, 1, 0].map((age) => lazy(`${3 - age}`, at(now - 1 - age)));
    await writeSet(
      { ...placeOf(archive), clock },
      {
        ...fullSet,
        items: [rootItem, ...items],
        onProblem: assert.fail,
        onVolume: () => undefined,
      },
    );
    asked.length = 0;
    await writeNext(archive, { items: [rootItem, ...items] });
    assert.deepEqual(asked, ['2', '3']);
  });

  test('of inodes with long numbers are told apart to the last digit', async () => {
    await using archive = await openArchive(new MemoryStorage());
    const old = Math.floor(archive.clock.now() / 1000) - 100;
    const long = 2n ** 63n;
    await write(archive, {
      items: [rootItem, lazy('a', at(old, long)), lazy('b', at(old, long))],
    });
    asked.length = 0;
    await writeNext(archive, {
      items: [rootItem, lazy('a', at(old, long)), lazy('b', at(old, long + 1n))],
    });
    assert.deepEqual(asked, ['b']);
  });

  test('tell nothing where the time of change does not: it is made up, or the size is another one', async () => {
    await using archive = await openArchive(new MemoryStorage());
    const old = Math.floor(archive.clock.now() / 1000) - 100;
    await write(archive, { items: [rootItem, lazy('grown', at(old)), lazy('timeless', at(0))] });
    asked.length = 0;
    const seen: string[] = [];
    await writeNext(archive, {
      items: [
        rootItem,
        lazy('grown', at(old), { size: 5 }),
        lazy('timeless', at(0), { attribute: 'user.a' }),
      ],
      onItem: (outcome) => void seen.push(outcome),
    });
    assert.deepEqual(seen, ['unchanged', 'changed', 'changed']);
  });

  test('do not hide that a file has got another name', async () => {
    await using archive = await openArchive(new MemoryStorage());
    const old = Math.floor(archive.clock.now() / 1000) - 100;
    const named = (linkGroup: string | undefined): SourceItem => lazy('b', at(old), { linkGroup });
    const outcomes: string[] = [];
    const onItem = (outcome: string): void => void outcomes.push(outcome);
    await write(archive, { items: [rootItem, named('a')] });
    await writeNext(archive, { items: [rootItem, named('a')], onItem });
    await writeNext(archive, { items: [rootItem, named(undefined)], onItem });
    await writeNext(archive, { items: [rootItem, named('b')], onItem });
    assert.deepEqual(outcomes, [
      'unchanged',
      'unchanged',
      'unchanged',
      'changed',
      'unchanged',
      'changed',
    ]);
  });
});
