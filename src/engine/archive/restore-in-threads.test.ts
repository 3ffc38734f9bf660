import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
  openArchive,
  plainProtection,
  setsAt,
  plainRestore,
} from '#test/support/duplicity-fixture.ts';
import { type HandmadeEntry, putHandmadeSet, rootEntry } from '#test/support/handmade-archive.ts';
import { operation } from '#test/support/operation.ts';
import { openHandles, scratchDirectory } from '#test/support/scratch-directory.ts';
import { noSmallDisk, smallDisk } from '#test/support/small-disk.ts';
import { utf8 } from '../../base/bytes.ts';
import { systemClock } from '../../base/clock.ts';
import { hasCode } from '../../base/errors.ts';
import {
  readExtendedAttributes,
  setExtendedAttribute,
} from '../../base/posix/extended-attributes.ts';
import { MemoryStorage } from '../../storage/drivers/memory/memory.ts';
import type { OperationContext } from '../operation.ts';
import {
  type ArchiveRestored,
  restoreArchive,
  type RestoreArchiveInput,
} from './restore-archive.ts';

const end = 1_700_000_000;

async function restore(
  storage: MemoryStorage,
  target: string,
  context: OperationContext,
  more: Partial<RestoreArchiveInput> = {},
): Promise<ArchiveRestored> {
  await using archive = await openArchive(storage, plainProtection);
  return await restoreArchive(
    {
      archive,
      sets: await setsAt(archive, undefined),
      target,
      ...plainRestore,
      threads: 3,
      ...more,
    },
    context,
  );
}

const numbered = (number: number): string => String(number).padStart(4, '0');

/** Directories of files, as many as fill several batches. */
function manyFiles(length: number): HandmadeEntry[] {
  const entries: HandmadeEntry[] = [];
  for (let number = 0; number < 60; number++) {
    const name = `snapshot/d${numbered(number)}`;
    const mtime = 1_600_000_000 + number;
    const mode = number % 3 === 0 ? 0o555 : 0o750;
    entries.push({ name: `${name}/`, type: 'directory', mtime, mode });
    for (let own = 0; own < 20; own++) {
      const content = Buffer.alloc(length, `${number} ${own} `);
      const rights = own % 5 === 0 ? 0o4755 : 0o640;
      entries.push({
        name: `${name}/f${numbered(own)}`,
        content,
        mtime: mtime + own,
        mode: rights,
      });
    }
    entries.push({ name: `${name}/g/`, type: 'directory', mtime: mtime + 99, mode: 0o700 });
    entries.push({ name: `${name}/g/one`, content: 'one' });
  }
  return entries;
}

function assertRestored(target: string, entries: readonly HandmadeEntry[]): void {
  for (const { name, type = 'file', content = '', mtime, mode } of entries) {
    const file = path.join(target, String(name).slice('snapshot/'.length));
    const stats = lstatSync(file);
    assert.equal(stats.isDirectory(), type === 'directory', file);
    if (type === 'file') assert.deepEqual(readFileSync(file), Buffer.from(content as string), file);
    if (mtime !== undefined) assert.equal(stats.mtimeMs, mtime * 1000, file);
    if (mode !== undefined) assert.equal(stats.mode & 0o7777, mode, file);
  }
}

test('many files are as they were, and so are the directories that they are in', async () => {
  using scratch = scratchDirectory();
  const storage = new MemoryStorage();
  const entries = manyFiles(5000);
  await putHandmadeSet(storage, { end, volumes: [[rootEntry, ...entries]], coding: 'gzip' });
  const handles = openHandles();
  for (const threads of [1, 4]) {
    const target = scratch.of(`target ${threads}`);
    const context = operation(systemClock);
    const { summary } = await restore(storage, target, context, { threads, verbose: true });
    assertRestored(target, entries);
    assert.equal(summary.errors, 0);
    assert.equal(summary.files, 60 * 21);
    assert.equal(summary.bytes, 60 * (20 * 5000 + 3));
    assert.equal(summary.bytesAdded, summary.bytes);
    // Files are told of in their order.
    const told = context.events.flatMap((event) =>
      event.type === 'entry' ? [Buffer.from(event.path ?? []).toString()] : [],
    );
    const files = told.filter((name) => /\/f\d+$/u.test(name));
    assert.equal(files.length, 60 * 20);
    assert.deepEqual(files, files.toSorted());
  }
  assert.equal(openHandles(), handles);
});

test('a full disk ends it, and what is not whole is not there', async (context) => {
  await using disk = await smallDisk(3 * 1024 ** 2);
  if (disk === undefined) return context.skip(noSmallDisk);
  const storage = new MemoryStorage();
  // Enough to go on for a while with what cannot be written any more.
  const more = Array.from({ length: 5000 }, (_, number): HandmadeEntry => {
    return { name: `snapshot/more${numbered(number)}`, content: Buffer.alloc(9000) };
  });
  const entries = [...manyFiles(9000), ...more];
  await putHandmadeSet(storage, { end, volumes: [[rootEntry, ...entries]], coding: 'gzip' });
  const handles = openHandles();
  const target = path.join(disk.path, 'target');
  const told = operation(systemClock);
  await assert.rejects(
    restore(storage, target, told),
    (error) =>
      hasCode(error, 'target/unwritable') &&
      error.message.includes('no space left (ENOSPC)') &&
      error.hint !== undefined,
  );
  const sizes = readdirSync(target, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.startsWith('f'))
    .map(({ parentPath, name }) => lstatSync(path.join(parentPath, name)).size);
  assert.ok(sizes.length > 10);
  assert.deepEqual([...new Set(sizes)], [9000]);
  // It is said once, and not of files that nobody has tried to write.
  assert.equal(told.events.filter(({ type }) => type === 'problem').length, 0);
  assert.equal(openHandles(), handles);
});

test('what came before damage is restored', async () => {
  using scratch = scratchDirectory();
  const storage = new MemoryStorage();
  const entries = manyFiles(100);
  const last: HandmadeEntry = { name: 'snapshot/z', content: 'z' };
  const names = await putHandmadeSet(storage, { end, volumes: [[rootEntry, ...entries], [last]] });
  await storage.put(names[1]!, utf8('something else'));
  const target = scratch.of('target');
  await assert.rejects(restore(storage, target, operation(systemClock)), (error) =>
    hasCode(error, 'repository/damaged'),
  );
  // The last directory was not left yet.
  assertRestored(target, entries.slice(0, -23));
  assert.equal(readFileSync(path.join(target, 'd0059', 'f0019')).length, 100);
});

test('what has no place in a file is said of what was to be there, not of the file', async () => {
  using scratch = scratchDirectory();
  const storage = new MemoryStorage();
  const file: HandmadeEntry = { name: 'snapshot/a', content: 'a' };
  const inside: HandmadeEntry = { name: 'snapshot/a/b', content: 'b' };
  await putHandmadeSet(storage, { end, volumes: [[rootEntry, file, inside]] });
  const target = scratch.of('target');
  const context = operation(systemClock);
  const { summary } = await restore(storage, target, context);
  assert.equal(summary.errors, 1);
  const texts = context.events.flatMap((event) =>
    event.type === 'problem' ? [event.error.message] : [],
  );
  assert.deepEqual(texts, [
    'Refused to restore "a": something is to be in it, but it is no directory',
  ]);
  assert.equal(readFileSync(path.join(target, 'a'), 'utf8'), 'a');
});

test('a name that comes again is not made twice, although the first one is not written yet', async () => {
  using scratch = scratchDirectory();
  const storage = new MemoryStorage();
  const entries: HandmadeEntry[] = ['b', 'c', 'b'].map((name) => ({
    name: `snapshot/${name}`,
    content: name,
  }));
  await putHandmadeSet(storage, { end, volumes: [[rootEntry, ...entries]] });
  const context = operation(systemClock);
  await restore(storage, scratch.of('target'), context);
  const texts = context.events.flatMap((event) =>
    event.type === 'problem' ? [event.error.message] : [],
  );
  assert.equal(texts.at(-1), 'Refused to restore "b": something has its name already');
});

test('an abort ends it soon, with nothing open', async () => {
  using scratch = scratchDirectory();
  const storage = new MemoryStorage();
  await putHandmadeSet(storage, { end, volumes: [[rootEntry, ...manyFiles(9000)]] });
  const handles = openHandles();
  const abort = new AbortController();
  const context: OperationContext = {
    ...operation(systemClock),
    signal: abort.signal,
    report: (event) => {
      // One that is told of when it is written, by a thread.
      if (event.type === 'entry' && event.action === 'restored' && event.size === 9000) {
        abort.abort(new Error('enough'));
      }
    },
  };
  await assert.rejects(
    restore(storage, scratch.of('target'), context, { verbose: true }),
    /enough/u,
  );
  const count = readdirSync(scratch.of('target'), { recursive: true }).length;
  assert.ok(count > 10 && count < 60 * 23, String(count));
  assert.equal(openHandles(), handles);
});

test('no file keeps a list of rights that it got from the directory', async () => {
  using scratch = scratchDirectory();
  const storage = new MemoryStorage();
  const entries = manyFiles(10);
  await putHandmadeSet(storage, { end, volumes: [[rootEntry, ...entries]] });
  const target = scratch.of('target');
  mkdirSync(target);
  const list =
    '0200000001000700ffffffff02000700e803000004000500ffffffff10000700ffffffff20000500ffffffff';
  const name = utf8('system.posix_acl_default');
  setExtendedAttribute(utf8(target), name, Buffer.from(list, 'hex'));
  const { summary } = await restore(storage, target, operation(systemClock), { force: true });
  assert.equal(summary.errors, 0);
  assertRestored(target, entries);
  for (const { name: own } of entries) {
    const file = path.join(target, String(own).slice('snapshot/'.length));
    assert.deepEqual(readExtendedAttributes(utf8(file), 0), [], file);
  }
});

for (const [what, isAnew] of [
  ['what was interrupted', false],
  ['what was interrupted before the machine was started anew, and compares', true],
] as const) {
  test(`continues ${what}`, async () => {
    using scratch = scratchDirectory();
    const storage = new MemoryStorage();
    const root: HandmadeEntry = { ...rootEntry, mtime: 1_650_000_000 };
    const entries = manyFiles(9000);
    await putHandmadeSet(storage, { end, volumes: [[root, ...entries]] });
    const target = scratch.of('target');
    const snapshot = '0123456789abcdef0123456789abcdef';
    const abort = new AbortController();
    const stopping: OperationContext = {
      ...operation(systemClock),
      signal: abort.signal,
      report: (event) => {
        if (event.type === 'entry' && event.size === 9000) abort.abort(new Error('enough'));
      },
    };
    const more = { snapshot, policy: 'if-changed', verbose: true } as const;
    await assert.rejects(restore(storage, target, stopping, more), /enough/u);
    const marker = path.join(target, '.holdfast-restore-0123456789abcdef');
    if (isAnew) writeFileSync(marker, 'another\n');
    // The right size and time, as a file has it whose content did not come to the disk.
    const lost = path.join(target, 'd0000', 'f0000');
    const { mtime } = lstatSync(lost);
    writeFileSync(lost, Buffer.alloc(9000));
    utimesSync(lost, mtime, mtime);
    const context = operation(systemClock);
    const { summary } = await restore(storage, target, context, { ...more, verbose: false });
    assert.equal(summary.errors, 0);
    const notices = context.events.flatMap((event) =>
      event.type === 'notice' ? [event.message] : [],
    );
    assert.match(notices.join(), isAnew ? /^Continuing .* started anew since$/u : /interrupted$/u);
    assert.equal(readFileSync(lost).equals(Buffer.alloc(9000)), !isAnew);
    assertRestored(target, isAnew ? entries : entries.slice(2));
    assert.ok(!existsSync(marker));
    assert.equal(lstatSync(target).mtimeMs, 1_650_000_000_000);
    // Once it has ended it is like any other.
    await assert.rejects(restore(storage, target, operation(systemClock), more), (error) =>
      hasCode(error, 'target/refused'),
    );
  });
}

test('what another restore has begun is not continued', async () => {
  using scratch = scratchDirectory();
  const storage = new MemoryStorage();
  await putHandmadeSet(storage, { end, volumes: [[rootEntry, ...manyFiles(10)]] });
  const target = scratch.of('target');
  mkdirSync(target);
  writeFileSync(path.join(target, '.holdfast-restore-ffffffffffffffff'), '');
  for (const snapshot of [undefined, '0123456789abcdef0123456789abcdef']) {
    await assert.rejects(restore(storage, target, operation(systemClock), { snapshot }), (error) =>
      hasCode(error, 'target/refused'),
    );
  }
});
