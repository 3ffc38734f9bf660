import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs, {
  appendFileSync,
  chmodSync,
  ftruncateSync,
  closeSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';

import { openHandles, scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { hasCode } from '../../base/errors.ts';
import { makeNodeAt } from '../../base/posix/at-calls.ts';
import { AT_FDCWD, S_IFIFO, S_IFSOCK } from '../../base/posix/linux-constants.ts';
import type { SourceEntry } from '../../model/entry.ts';
import { openForBackup } from './file-reader.ts';
import { planSources } from './source-plan.ts';
import { walk } from './walk.ts';

function entryOf(path: string): SourceEntry {
  for (const event of walk(planSources([path]))) {
    if (event.type !== 'entries') continue;
    event.location.release();
    const [entry] = event.entries;
    if (entry !== undefined) return entry;
  }
  throw new Error(`No entry for ${path}`);
}

function openPath(path: string, entry = entryOf(path)) {
  return openForBackup(Buffer.from(path), entry);
}

test('a file is read at any position, shorter only at its end', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), '0123456789');
  using reader = openPath(scratch.of('file'));
  const buffer = Buffer.alloc(8, '.');
  assert.equal(reader.readInto(buffer, 2, 4, 3), 4);
  assert.equal(buffer.toString(), '..3456..');
  assert.equal(reader.readInto(buffer, 0, 8, 6), 4);
  assert.equal(reader.readInto(buffer, 0, 8, 10), 0);
  assert.equal(reader.size, 10);
  assert.deepEqual([...reader.extents()], [{ offset: 0, length: 10 }]);
  assert.ok(reader.isUnchanged());
});

test('a file that was read stays read if the system reports a failure when it is closed', (context) => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), 'content');
  const entry = entryOf(scratch.of('file'));
  const reader = openPath(scratch.of('file'), entry);
  const closes: number[] = [];
  let code = 'EIO';
  context.mock.method(fs, 'closeSync', (fd: number) => {
    closes.push(fd);
    throw Object.assign(new Error(`${code}: close`), { code, syscall: 'close' });
  });
  syncBuiltinESMExports();
  try {
    reader.close();
    code = 'EBADF';
    const other = openPath(scratch.of('file'), entry);
    assert.throws(() => other.close(), { code });
  } finally {
    context.mock.restoreAll();
    syncBuiltinESMExports();
  }
  for (const fd of closes) closeSync(fd);
  assert.equal(closes.length, 2);
});

test('any change while reading is noticed', () => {
  const changes: readonly ((path: string) => void)[] = [
    (path) => appendFileSync(path, 'more'),
    (path) => utimesSync(path, 1, 1),
    (path) => chmodSync(path, 0o600),
    (path) => writeFileSync(path, 'XXX'),
  ];
  for (const change of changes) {
    using scratch = scratchDirectory();
    writeFileSync(scratch.of('file'), '123', { mode: 0o644 });
    utimesSync(scratch.of('file'), 1_000_000_000, 1_000_000_000);
    using reader = openPath(scratch.of('file'));
    assert.ok(reader.isUnchanged());
    change(scratch.of('file'));
    assert.ok(!reader.isUnchanged(), String(change));
  }
});

test('what took the place of a file is neither followed nor waited for nor read', () => {
  const swaps: readonly ((path: string) => void)[] = [
    (path) => rmSync(path),
    (path) => {
      rmSync(path);
      symlinkSync('/etc/passwd', path);
    },
    (path) => {
      renameSync(path, `${path}.old`);
      writeFileSync(path, '123');
    },
    (path) => {
      rmSync(path);
      makeNodeAt(AT_FDCWD, Buffer.from(path), S_IFIFO | 0o600, 0);
    },
    (path) => {
      rmSync(path);
      makeNodeAt(AT_FDCWD, Buffer.from(path), S_IFSOCK | 0o600, 0);
    },
  ];
  for (const swap of swaps) {
    using scratch = scratchDirectory();
    writeFileSync(scratch.of('file'), '123');
    const entry = entryOf(scratch.of('file'));
    swap(scratch.of('file'));
    const before = openHandles();
    assert.throws(
      () => openPath(scratch.of('file'), entry),
      (error) => hasCode(error, 'source/changed'),
    );
    assert.equal(openHandles(), before);
  }
});

test('the holes of a file of 1 TiB take no time', () => {
  using scratch = scratchDirectory();
  const fd = openSync(scratch.of('sparse'), 'w');
  ftruncateSync(fd, 2 ** 40);
  closeSync(fd);
  using reader = openPath(scratch.of('sparse'));
  assert.ok(reader.isSparse);
  assert.deepEqual([...reader.extents()], []);
});

test('an unreadable file is a problem that names it and says why', () => {
  if (process.geteuid?.() === 0) {
    // Root reads everything: ask as somebody else.
    const file = new URL(import.meta.url).pathname;
    const { status, stderr } = spawnSync(process.execPath, ['--test', file], {
      uid: 65_534,
      gid: 65_534,
      env: { TMPDIR: '/tmp' },
    });
    assert.equal(status, 0, stderr.toString());
    return;
  }
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), '', { mode: 0o000 });
  assert.throws(() => openPath(scratch.of('file')), {
    code: 'source/unreadable',
    message: `Cannot read "${scratch.of('file')}": permission denied (EACCES)`,
  });
});
