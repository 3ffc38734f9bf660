import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { noSmallDisk, smallDisk } from '#test/support/small-disk.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { utf8 } from '../../../base/bytes.ts';
import { hasCode } from '../../../base/errors.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import { readCollection } from '../collection/collection.ts';
import { FileCoding } from '../encryption/file-coding.ts';
import { FileNaming } from '../names/file-name.ts';
import { synchronise } from './synchronise.ts';
import { ArchiveDirectory, baseNameOf } from './archive-directory.ts';

const naming = new FileNaming();
const manifest = 'duplicity-full.20231114T221320Z.manifest';
const fixtures = new URL('../../../../test/fixtures/duplicity/', import.meta.url).pathname;

/** As the real program locks: fasteners.InterProcessLock is fcntl.lockf, exclusive and without waiting. */
const lockScript = `
import fcntl, sys
file = open(sys.argv[1], 'a+b')
try:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except (IOError, OSError):
    print('busy')
    sys.exit(0)
print('taken', flush=True)
sys.stdin.read()
`;

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(pieces)).toString();
}

test('an open directory keeps out the real program, and another of us', async () => {
  await using parent = await temporaryDirectory();
  const directory = path.join(parent.path, 'a', 'b');
  const lockFile = path.join(directory, 'lockfile');
  const others = (): string =>
    spawnSync('/usr/bin/python3', ['-c', lockScript, lockFile], {
      input: '',
      encoding: 'utf8',
    }).stdout.trim();
  {
    await using archive = await ArchiveDirectory.open(directory, naming);
    assert.equal(archive.path, directory);
    assert.equal(others(), 'busy');
    await assert.rejects(ArchiveDirectory.open(directory, naming), (error) => {
      assert.ok(hasCode(error, 'repository/locked'));
      assert.ok(error.message.includes(directory));
      return true;
    });
    await using reader = await ArchiveDirectory.open(directory, naming, { lock: false });
    assert.deepEqual(await reader.files(), []);
  }
  assert.equal(others(), 'taken');
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
});

test('the real program keeps us out', async () => {
  await using parent = await temporaryDirectory();
  const holder = spawn('/usr/bin/python3', ['-c', lockScript, path.join(parent.path, 'lockfile')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit');
  await once(holder.stdout, 'data');
  await assert.rejects(ArchiveDirectory.open(parent.path, naming), (error) =>
    hasCode(error, 'repository/locked'),
  );
  holder.stdin.end();
  await ended;
  await using archive = await ArchiveDirectory.open(parent.path, naming);
  assert.ok(archive);
});

test('what a killed run left half written goes, but for what can be resumed', async () => {
  await using parent = await temporaryDirectory();
  const kept = [
    manifest,
    `${manifest}.part`,
    'duplicity-full-signatures.20231114T221320Z.sigtar.part',
    'notes',
  ];
  const left = [
    'holdfast-0123abcd.unfinished',
    'holdfast-0123abcd.unfinished-2',
    '.0123abcd.unfinished',
  ];
  for (const name of [...kept, ...left]) await writeFile(path.join(parent.path, name), name);
  {
    await using reader = await ArchiveDirectory.open(parent.path, naming, { lock: false });
    assert.equal((await reader.files()).length, 3);
  }
  assert.equal((await readdir(parent.path)).length, 7);
  await using archive = await ArchiveDirectory.open(parent.path, naming);
  assert.deepEqual((await readdir(parent.path)).toSorted(), [...kept, 'lockfile'].toSorted());
  assert.deepEqual(
    (await archive.files()).map(({ name, size }) => [name, size]),
    kept
      .slice(0, 3)
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((name) => [name, name.length]),
  );
});

test('only files are files', async () => {
  await using parent = await temporaryDirectory();
  await mkdir(path.join(parent.path, manifest));
  await symlink('/nowhere', path.join(parent.path, `${manifest}.gz`));
  await using archive = await ArchiveDirectory.open(parent.path, naming);
  assert.deepEqual(await archive.files(), []);
});

test('a file is stored whole or not at all', async () => {
  await using parent = await temporaryDirectory();
  await using archive = await ArchiveDirectory.open(parent.path, naming);
  await archive.store(manifest, async (append) => {
    await append(utf8('old '));
    await append(utf8('content'));
  });
  assert.equal(await readAll(archive.read(manifest)), 'old content');
  const error = new Error('broken off');
  await assert.rejects(
    archive.store(manifest, async (append) => {
      await append(utf8('new'));
      throw error;
    }),
    error,
  );
  const controller = new AbortController();
  const aborted = new Error('aborted');
  await assert.rejects(
    archive.store(
      manifest,
      async (append) => {
        await append(utf8('new'));
        controller.abort(aborted);
      },
      { signal: controller.signal },
    ),
    aborted,
  );
  assert.deepEqual((await readdir(parent.path)).toSorted(), [manifest, 'lockfile']);
  assert.equal(await readFile(path.join(parent.path, manifest), 'utf8'), 'old content');
  await archive.remove(manifest);
  await archive.remove(manifest);
  await assert.rejects(readAll(archive.read(manifest)), (failure) =>
    hasCode(failure, 'storage/not-found'),
  );
});

test('names cannot lead out of the directory', async () => {
  await using parent = await temporaryDirectory();
  await using archive = await ArchiveDirectory.temporary(parent.path, naming);
  for (const name of ['', '.', '..', '../x', 'a/b', '/etc/passwd', '.hidden']) {
    assert.throws(
      () => archive.pathOf(name),
      (error) => hasCode(error, 'internal'),
      name,
    );
  }
});

test('a directory that cannot be made or read is said', async () => {
  await using parent = await temporaryDirectory();
  const file = path.join(parent.path, 'file');
  await writeFile(file, '');
  for (const attempt of [
    () => ArchiveDirectory.open(path.join(file, 'x'), naming),
    () => ArchiveDirectory.temporary(path.join(file, 'x'), naming),
  ]) {
    await assert.rejects(attempt, (error) => hasCode(error, 'local/unwritable'));
  }
  await chmod(file, 0o600);
});

test('a temporary directory goes when it is closed', async () => {
  await using parent = await temporaryDirectory();
  {
    await using archive = await ArchiveDirectory.temporary(parent.path, naming);
    assert.ok(archive.isTemporary);
    await archive.store(manifest, async (append) => append(utf8('x')));
    assert.equal((await readdir(parent.path)).length, 1);
  }
  assert.deepEqual(await readdir(parent.path), []);
});

test('local copies are named as the real program names them', async () => {
  await using parent = await temporaryDirectory();
  await using archive = await ArchiveDirectory.temporary(parent.path, naming);
  const remote = (await readdir(`${fixtures}symmetric/dest`)).flatMap((name) => {
    const file = naming.parse(name);
    return file === undefined || file.kind === 'volume' ? [] : [{ name, size: 0, file }];
  });
  assert.deepEqual(
    remote.map((file) => archive.localNameOf(file)).toSorted(),
    (await readdir(`${fixtures}symmetric/cache`)).toSorted(),
  );
  assert.equal(baseNameOf('df.s44we8.m.g'), 'df.s44we8.m');
});

test('a full disk is an error, and leaves what was there', async (context) => {
  await using disk = await smallDisk(256 * 1024);
  if (disk === undefined) return context.skip(noSmallDisk);
  await using archive = await ArchiveDirectory.open(disk.path, naming);
  await archive.store(manifest, async (append) => append(utf8('old')));
  await assert.rejects(
    archive.store(manifest, async (append) => {
      for (let piece = 0; piece < 10; piece++) await append(new Uint8Array(100_000));
    }),
    (error) => hasCode(error, 'local/unwritable') && error.message.includes(disk.path),
  );
  assert.equal(await readAll(archive.read(manifest)), 'old');
  assert.deepEqual((await readdir(disk.path)).toSorted(), [manifest, 'lockfile']);
});

test('the real program waits for nobody, and is content with what we keep', async () => {
  await using parent = await temporaryDirectory();
  const directory = path.join(parent.path, 'archives', 'fx');
  const duplicity = (): { readonly status: number | null; readonly output: string } => {
    const { status, stdout } = spawnSync(
      'duplicity',
      [
        'list-current-files',
        '--archive-dir',
        path.dirname(directory),
        '--name',
        'fx',
        '--no-encryption',
        `file://${fixtures}unencrypted/dest`,
      ],
      { encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: parent.path, LC_ALL: 'C' } },
    );
    return { status, output: stdout };
  };
  {
    await using archive = await ArchiveDirectory.open(directory, naming);
    assert.equal(duplicity().status, 23);
    const storage = new MemoryStorage();
    for (const name of await readdir(`${fixtures}unencrypted/dest`)) {
      await storage.put(
        name,
        new Uint8Array(await readFile(`${fixtures}unencrypted/dest/${name}`)),
      );
    }
    const collection = await readCollection(storage, naming, archive);
    const coding = new FileCoding({ kind: 'none', compress: true });
    await synchronise({ storage, directory: archive, coding }, collection);
  }
  const { status, output } = duplicity();
  assert.equal(status, 0);
  assert.match(output, /Local and Remote metadata are synchronized, no sync needed/u);
});
