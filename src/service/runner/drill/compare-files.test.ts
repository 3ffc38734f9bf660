import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { coldStorageOf } from './cold-storage.ts';
import { compareFiles } from './compare-files.ts';
import { isDumpOf } from './drill-dumps.ts';
import type { ListedFile } from './listed-file.ts';

test('whatever differs from the record is found', async () => {
  await using directory = await temporaryDirectory();
  await mkdir(`${directory.path}/sub`);
  const names = ['same', 'size', 'time', 'mode', 'content', 'sub/deep'];
  const recorded = new Map<string, ListedFile>();
  const hashes = new Map<string, string>();
  for (const name of names) {
    const place = `${directory.path}/${name}`;
    await writeFile(place, `content of ${name}`);
    await chmod(place, 0o640);
    const { size, mtimeNs } = await lstat(place, { bigint: true });
    recorded.set(name, {
      path: Buffer.from(name),
      size: Number(size),
      mode: 0o640,
      mtime: mtimeNs,
    });
    if (name === 'same' || name === 'content') {
      hashes.set(name, createHash('sha256').update(`content of ${name}`).digest('hex'));
    }
  }
  const change = (name: string, more: Partial<ListedFile>): void =>
    void recorded.set(name, { ...recorded.get(name)!, ...more });
  change('size', { size: 3 });
  change('time', { mtime: recorded.get('time')!.mtime - 5_000_000_000n });
  change('mode', { mode: 0o600 });
  hashes.set('content', '0'.repeat(64));
  const lost = { path: Buffer.from('lost'), size: 1, mode: 0o640, mtime: 0n };
  await symlink('same', `${directory.path}/link`);
  const link = { ...lost, path: Buffer.from('link') };
  const sample = [...recorded.values(), lost, link];
  const { differences, files, proven } = await compareFiles(directory.path, sample, hashes);
  assert.equal(files, 8);
  assert.equal(proven, 1);
  assert.deepEqual(differences, [
    'size: 15 bytes instead of 3',
    'time: another time of modification',
    'mode: mode 0640 instead of 0600',
    'content: its content is not what was backed up',
    'lost: it was not restored',
    'link: it was not restored',
  ]);
});

test('cold storage is known by options, URL and environment', () => {
  const of = (
    url: string,
    options = '',
    outside: Readonly<Record<string, string>> = {},
  ): string | undefined =>
    coldStorageOf(
      { url, destination: { url }, environment: { HOLDFAST_OPTION: options } },
      outside,
    );
  assert.equal(of('s3://bucket/x'), undefined);
  assert.equal(of('s3://bucket/x?storage-class=GLACIER'), 'GLACIER');
  assert.equal(of('s3://bucket/x', 'region=eu\nstorage-class=DEEP_ARCHIVE'), 'DEEP_ARCHIVE');
  assert.equal(of('s3://bucket/x', 'storage-class=STANDARD'), undefined);
  assert.equal(of('gs://bucket', '', { HOLDFAST_GS_STORAGE_CLASS: 'coldline' }), 'coldline');
  assert.equal(of('s3://bucket', '', { HOLDFAST_GS_STORAGE_CLASS: 'coldline' }), undefined);
  assert.equal(of('/mnt/glacier'), undefined);
});

test('which dump is of which database', () => {
  for (const [label, name, is] of [
    ['app.dump', 'app', true],
    ['shop/app.dump', 'shop', true],
    ['postgresql/db.example:5433/app.dump', 'app', true],
    ['postgresql/db.example/app2.dump', 'app', false],
    ['postgresql/db.example/app.sql', 'db', false],
  ] as const) {
    assert.equal(isDumpOf(label, name), is, `${label} ${name}`);
  }
});
