import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { networkContract, openForTest } from '#test/contract/network-contract.ts';
import { type TahoeSimulator, tahoeSimulator } from '#test/servers/simulators/tahoe.ts';
import { namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { AppError, type ErrorCode } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';
import { sizeOfCapability } from './tahoe-node.ts';

networkContract({
  title: 'Tahoe-LAFS by a simulator',
  start: tahoeSimulator,
  url: (server, place, port) =>
    `tahoe://backups/${place}?node-directory=${(server as TahoeSimulator).nodeDirectory}&url=http://127.0.0.1:${port}`,
});

describe('Tahoe-LAFS', { concurrency: false }, async () => {
  const node = await tahoeSimulator();
  after(() => node[Symbol.asyncDispose]());
  let places = 0;
  const open = (
    options: Readonly<Record<string, string | number>> = { dircap: node.dircap, url: node.url },
    place = `special${(places += 1)}`,
  ): Promise<Storage> => openForTest(`tahoe://${place}`, {}, { attempts: 1, ...options });
  const refusedWith = async (
    call: () => Promise<unknown>,
    code: ErrorCode,
    message: RegExp,
  ): Promise<void> => {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof AppError && error.code === code, String(error));
      const said = `${error.message} ${error.hint}`;
      assert.match(said, message);
      for (const secret of [node.dircap, node.readcap, encodeURIComponent(node.dircap)])
        assert.ok(!said.includes(secret), 'the capability is shown');
      return true;
    });
  };

  test('an alias, its node and its capability are found in the home directory', async () => {
    await using home = await temporaryDirectory();
    await mkdir(path.join(home.path, '.tahoe', 'private'), { recursive: true });
    await writeFile(path.join(home.path, '.tahoe', 'node.url'), `${node.url}/\n`);
    await writeFile(path.join(home.path, '.tahoe', 'private', 'aliases'), `mine: ${node.dircap}\n`);
    await writeFile(path.join(home.path, '.tahoe', 'private', 'root_dir.cap'), `${node.dircap}\n`);
    for (const alias of ['mine', 'tahoe']) {
      await using storage = await openForTest(`tahoe://${alias}/dir`, { HOME: home.path });
      await storage.put(`a/${alias}`, pattern(100));
    }
    await using storage = await openForTest(
      `tahoe://dir/a?dircap=${encodeURIComponent(node.dircap)}&url=${node.url}`,
    );
    assert.deepEqual(await namesIn(storage, ''), ['mine', 'tahoe']);
    assert.ok(!storage.location.includes('URI'));
    await refusedWith(
      () => openForTest('tahoe://yours/dir', { HOME: home.path }),
      'storage/no-container',
      /no Tahoe alias "yours".*Known are: mine.*create-alias yours/u,
    );
  });

  test('no directory is left to an upload to make', async () => {
    await using storage = await open();
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        storage.put(`x/y/${index % 3}/${index}`, pattern(100)),
      ),
    );
    assert.equal((await namesIn(storage, '')).length, 30);
    assert.equal(node.implicitDirectories, 0);
  });

  test('a capability that can only read reads, and is named otherwise', async () => {
    await using writer = await open(undefined, 'readable');
    await writer.put('a', pattern(100));
    await using storage = await open({ dircap: node.readcap, url: node.url }, 'readable');
    assert.deepEqual(await storage.read('a'), pattern(100));
    await refusedWith(() => storage.put('b', pattern(10)), 'storage/access-denied', /URI:DIR2:/u);
    await refusedWith(() => storage.delete('a'), 'storage/access-denied', /only be read/u);
  });

  test('a file in the place of a directory, and the other way round, are named', async () => {
    await using storage = await open(undefined, 'shapes');
    await storage.put('file', pattern(100));
    await storage.put('directory/a', pattern(100));
    await refusedWith(
      () => storage.put('file/a', pattern(10)),
      'storage/access-denied',
      /is a file/u,
    );
    await refusedWith(
      () => storage.put('file/a', pattern(10), { ifAbsent: true }),
      'storage/access-denied',
      /is a file/u,
    );
    await refusedWith(
      () => storage.put('directory', pattern(10)),
      'storage/access-denied',
      /directory is in its place/u,
    );
    await using below = await open(undefined, 'shapes/file');
    await refusedWith(() => namesIn(below, ''), 'storage/access-denied', /is a file/u);
    await refusedWith(() => below.put('a', pattern(10)), 'storage/access-denied', /is a file/u);
    assert.deepEqual(await namesIn(storage, ''), ['directory/a', 'file']);
  });

  test('a grid without space and files without pieces are not missing objects', async () => {
    await using storage = await open();
    await storage.put('a', pattern(100));
    node.full = true;
    await refusedWith(
      () => storage.put('b', pattern(100)),
      'storage/unavailable',
      /too few storage servers/u,
    );
    node.full = false;
    node.lost = true;
    await refusedWith(() => storage.read('a'), 'storage/unavailable', /too few pieces/u);
    node.lost = false;
    assert.deepEqual(await storage.read('a'), pattern(100));
  });

  test('names keep their endings, and are refused where the grid would change them', async () => {
    await using storage = await open();
    await storage.put('a.gz', pattern(100));
    assert.deepEqual(await storage.read('a.gz'), pattern(100));
    await rejectsWith(storage.put('u\u0308', pattern(1)), 'input/invalid');
    await storage.put('\u00fc', pattern(1));
    assert.deepEqual(await namesIn(storage, ''), ['a.gz', '\u00fc']);
  });

  test('a wrong capability and something else than a node are told apart from an empty directory', async () => {
    const wrong = node.dircap.replace(/.$/u, (last) => (last === 'a' ? 'b' : 'a'));
    await refusedWith(
      async () => namesIn(await open({ dircap: wrong, url: node.url }), ''),
      'storage/access-denied',
      /Look at the capability/u,
    );
    await using empty = await open();
    assert.deepEqual(await namesIn(empty, ''), []);
  });
});

test('URLs and options that make no sense are refused, without the capability', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      'tahoe://127.0.0.1:3456/uri/URI:DIR2:secretaa:bb/dir',
      /neither a capability nor credentials/u,
    ],
    ['tahoe://URI%3ADIR2%3Asecretaa:bb/dir', /neither a capability nor credentials/u],
    ['tahoe://', /Neither a Tahoe alias nor a capability/u],
    ['tahoe://dir?dircap=URI:CHK:secretaa:bb:3:10:5', /not that of a directory/u],
    ['tahoe://a/../b?dircap=URI:DIR2:secretaa:bb', /parts "\." or "\.\."/u],
    ['tahoe://a?dircap=URI:DIR2:secretaa:bb&url=ftp://x', /not the address/u],
  ];
  for (const [url, message] of cases)
    await assert.rejects(openForTest(url), (error) => {
      assert.ok(error instanceof AppError && error.code === 'input/usage', String(error));
      assert.match(error.message, message);
      assert.ok(!`${error.message} ${error.hint}`.includes('secretaa'));
      return true;
    });
});

test('the size of a file is in its capability', () => {
  assert.equal(sizeOfCapability('URI:CHK:abc:def:3:10:12345'), 12_345);
  assert.equal(sizeOfCapability('URI:LIT:'), 0);
  assert.equal(sizeOfCapability('URI:LIT:me'), 1);
  assert.equal(sizeOfCapability('URI:LIT:mfrggzdf'), 5);
  assert.equal(sizeOfCapability('URI:SSK:abc:def'), undefined);
});
