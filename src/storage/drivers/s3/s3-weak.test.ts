import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { openForTest } from '../../../../test/contract/network-contract.ts';
import { storageContract } from '../../../../test/contract/storage-contract.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';
import { startSwift, swiftPrograms } from '../../../../test/servers/swift.ts';
import { pattern, rejectsWith, sourceOf } from '../../../../test/support/storage-samples.ts';
import { hasCode } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';

const missing = missingPrograms(swiftPrograms);

/** A service that knows no conditional puts, checks the region, and lists by the older way here. */
describe('S3 by OpenStack Swift', { skip: missing, concurrency: false }, async () => {
  if (missing !== false) return;
  const server = await startSwift();
  after(() => server[Symbol.asyncDispose]());
  const keys = {
    AWS_ACCESS_KEY_ID: server.s3.accessKey,
    AWS_SECRET_ACCESS_KEY: server.s3.secretKey,
  };
  // A busy Swift answers 503 now and then, and is asked again.
  const open = (place: string): Promise<Storage> =>
    openForTest(`s3+http://127.0.0.1:${server.port}/weak/${place}`, keys, { attempts: 3 });

  let places = 0;
  storageContract('S3 by OpenStack Swift', () =>
    open(`${(places += 1)}?provider=swift&create-bucket&list-version=v1`),
  );

  test('conditional puts are found to be missing, and a look does instead', async () => {
    await using storage = await open('condition?provider=minio&create-bucket');
    assert.equal(storage.capabilities.conditionalPut, true);
    await storage.put('a', pattern(10), { ifAbsent: true });
    assert.equal(storage.capabilities.conditionalPut, false);
    await rejectsWith(storage.put('a', pattern(20), { ifAbsent: true }), 'storage/already-exists');
    assert.deepEqual(await storage.read('a'), pattern(10));
  });

  test('objects in parts are whole, and may be listed by the newer way', async () => {
    await using storage = await open('parts?create-bucket&part-size=5MiB&list-version=v2');
    const body = pattern(13 * 1024 ** 2);
    await storage.put('a', sourceOf([body]));
    assert.ok(Buffer.from(await storage.read('a')).equals(body));
    const [found = assert.fail()] = await Array.fromAsync(storage.list(''));
    assert.equal(found.size, body.byteLength);
  });

  test('a wrong region is told, or corrected where nobody has said it', async () => {
    await using wrong = await open('region?create-bucket&region=eu-west-1');
    await assert.rejects(
      wrong.put('a', pattern(10)),
      (error) =>
        hasCode(error, 'storage/access-denied') &&
        error.message.includes('"weak" is in another region') &&
        error.hint === `Set the option "region" to ${server.s3.region}`,
    );
    // The usual region of the preset is another one.
    await using following = await open('region?create-bucket&provider=garage');
    await following.put('a', pattern(10));
    assert.deepEqual(await following.read('a'), pattern(10));
  });
});
