import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { parseDestinationUrl } from '../storage/url.ts';
import { KnownDestinations } from './known-destinations.ts';

const first = '1'.repeat(32);
const second = '2'.repeat(32);

test('KnownDestinations remembers what lay where, beyond one process', async () => {
  await using directory = await temporaryDirectory();
  const state = path.join(directory.path, 'new', 'state');
  const known = new KnownDestinations(state);
  assert.equal(await known.repositoryAt('/mnt/a'), undefined);
  await known.note('/mnt/a', first);
  await known.note('s3://b/__proto__', second);
  await known.note('/mnt/a', second);
  const again = new KnownDestinations(state);
  assert.equal(await again.repositoryAt('/mnt/a'), second);
  assert.equal(await again.repositoryAt('s3://b/__proto__'), second);
  assert.equal(await again.repositoryAt('toString'), undefined);
});

test('KnownDestinations takes a torn file for a lost one', async () => {
  await using directory = await temporaryDirectory();
  const known = new KnownDestinations(directory.path);
  await known.note('/mnt/a', first);
  const text = await readFile(known.file, 'utf8');
  for (const torn of ['', text.slice(0, 20), '[]', 'null', '{"version":2,"destinations":{}}']) {
    await writeFile(known.file, torn);
    assert.equal(await known.repositoryAt('/mnt/a'), undefined, torn);
  }
  await known.note('/mnt/a', second);
  assert.equal(await known.repositoryAt('/mnt/a'), second);
});

test('KnownDestinations finds what is like a destination whose options are not known yet', async () => {
  await using directory = await temporaryDirectory();
  const known = new KnownDestinations(directory.path);
  await known.note('not: a destination', first);
  await known.note('/mnt/a', first);
  await known.note('s3://bucket/a?provider=ceph&secret-key=***', second);
  const like = (url: string): Promise<string | undefined> =>
    known.repositoryLike(parseDestinationUrl(url));
  assert.equal(await like('s3://bucket/a?provider=ceph&secret-key=abc'), second);
  // They may be given by the environment.
  assert.equal(await like('s3://bucket/a'), second);
  assert.equal(await like('s3://bucket/b?provider=ceph&secret-key=abc'), undefined);
});

test('KnownDestinations says when it cannot write', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'file');
  await writeFile(file, '');
  await assert.rejects(new KnownDestinations(path.join(file, 'state')).note('/mnt/a', first), {
    code: 'local/unwritable',
  });
});
