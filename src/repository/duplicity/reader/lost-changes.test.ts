import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { fixtureTimes, openArchive, pathText, setsAt } from '#test/support/duplicity-fixture.ts';
import { handmadeEntry, putHandmadeSet, rootEntry } from '#test/support/handmade-archive.ts';
import { concatBytes, utf8 } from '../../../base/bytes.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import { ArchiveReader } from './archive-reader.ts';

const [t0, t1, t2] = fixtureTimes;
const signatures = 'duplicity-new-signatures.20231114T221320Z.to.20231115T221320Z.sigtar';
const lost = [
  { name: 'snapshot/a', content: 'new a' },
  { name: 'snapshot/b', content: 'new b' },
  { name: 'snapshot/d/', type: 'directory' },
  { name: 'deleted/gone' },
  { name: 'snapshot/new', content: 'new' },
] as const;
const old = [
  rootEntry,
  { name: 'snapshot/a', content: 'old a' },
  { name: 'snapshot/b', content: 'old b' },
  { name: 'snapshot/d/', type: 'directory' },
  { name: 'snapshot/gone', content: 'gone' },
  { name: 'snapshot/kept', content: 'kept' },
] as const;

/** Three sets, of which the second has lost the first of its volumes. */
async function withLoss(): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  await putHandmadeSet(storage, { end: t0, volumes: [old] });
  const [first] = await putHandmadeSet(storage, {
    start: t0,
    end: t1,
    volumes: [lost, [{ name: 'snapshot/z', content: 'z' }]],
  });
  await putHandmadeSet(storage, {
    start: t1,
    end: t2,
    volumes: [[{ name: 'snapshot/b', content: 'newest b' }]],
  });
  await storage.delete(first!);
  const signed = [...lost, { name: 'snapshot/z' }].map(({ name }) =>
    handmadeEntry({
      name: name.replace(/\/$/u, ''),
      type: name.endsWith('/') ? 'directory' : 'file',
    }),
  );
  await storage.put(signatures, concatBytes(...signed));
  return storage;
}

/** What is given, by path, and what is said. */
async function readAll(storage: MemoryStorage, below?: string) {
  await using archive = await openArchive(storage);
  const entries: Record<string, string> = {};
  const errors: string[] = [];
  for await (const { path, entry, content } of new ArchiveReader(archive).entries(
    await setsAt(archive),
    {
      ignoreErrors: true,
      namesLosses: true,
      onProblem: ({ error }) => errors.push(error.message),
      ...(below !== undefined && { below: utf8(below) }),
    },
  )) {
    const bytes = entry.type === 'file' ? Buffer.concat(await Array.fromAsync(content())) : '';
    entries[pathText(path)] = bytes.toString();
  }
  const [volume, ...others] = errors;
  assert.match(volume ?? '', /olume 1/u);
  return { entries, others };
}

describe('newer states that are lost with a volume', () => {
  test('are named and left out, and nothing else is', async () => {
    const { entries, others } = await readAll(await withLoss());
    assert.deepEqual(entries, { '.': '', b: 'newest b', d: '', kept: 'kept', z: 'z' });
    assert.deepEqual(others, [
      'The newest state of "a" is lost with a volume that cannot be read',
      '"new" is lost with a volume that cannot be read',
    ]);
  });

  test('are not named where they lie elsewhere than what is wanted', async () => {
    const { entries, others } = await readAll(await withLoss(), 'd');
    assert.deepEqual([entries, others], [{ d: '' }, []]);
  });

  test('may be anything where signatures are lost, too', async () => {
    const storage = await withLoss();
    await storage.delete(signatures);
    const { entries, others } = await readAll(storage);
    assert.deepEqual(Object.keys(entries), ['.', 'b', 'd', 'z']);
    assert.deepEqual(
      others,
      ['a', 'gone', 'kept'].map(
        (name) => `The newest state of "${name}" may be lost with a volume that cannot be read`,
      ),
    );
  });
});
