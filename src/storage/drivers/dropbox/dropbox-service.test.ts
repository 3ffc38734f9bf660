import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { serverKind } from '#test/servers/dropbox.ts';
import { openOnSimulator, signedIn } from '#test/servers/simulators/open-on-simulator.ts';
import { simulatedAccount } from '#test/servers/simulators/simulated-oauth.ts';
import { startSimulator } from '#test/servers/simulators/start-simulator.ts';
import { namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';

import { type AppError, hasCode } from '../../../base/errors.ts';

describe('Dropbox', { concurrency: false }, async () => {
  const server = await serverKind.start();
  after(() => server[Symbol.asyncDispose]());

  test('all forms of the URL mean the same folder, and the variables of duplicity sign in', async () => {
    const { accessToken, clientId, clientSecret, refreshToken } = simulatedAccount;
    await using storage = await openOnSimulator(server, 'dropbox://forms/of it');
    await storage.put('a', pattern(3));
    for (const url of ['dpbx:///forms/of%20it', 'dropbox:///forms/of it/', 'dpbx://forms/of it']) {
      for (const environment of [
        { DPBX_ACCESS_TOKEN: accessToken },
        { DPBX_APP_KEY: clientId, DPBX_APP_SECRET: clientSecret, DPBX_REFRESH_TOKEN: refreshToken },
      ]) {
        await using other = await openOnSimulator(server, url, { options: {}, environment });
        assert.deepEqual(await namesIn(other, ''), ['a']);
      }
    }
  });

  test('an object of the same bytes is a conflict as well', async () => {
    await using storage = await openOnSimulator(server, 'dropbox://conflicts');
    await storage.put('a', pattern(10), { ifAbsent: true });
    await rejectsWith(storage.put('a', pattern(10), { ifAbsent: true }), 'storage/already-exists');
  });

  test('files and folders in the way are told, and folders are never deleted', async () => {
    await using storage = await openOnSimulator(server, 'dropbox://ways');
    await storage.put('folder/a', pattern(10));
    await storage.put('file', pattern(10));
    await rejectsWith(storage.put('folder', pattern(10)), 'storage/access-denied');
    await rejectsWith(storage.put('file/below', pattern(10)), 'storage/access-denied');
    await storage.delete('folder');
    assert.deepEqual(await namesIn(storage, ''), ['file', 'folder/a']);
    await using below = await openOnSimulator(server, 'dropbox://ways/file');
    await rejectsWith(below.put('a', pattern(10)), 'storage/access-denied');
  });

  test('what somebody else replaces while it is deleted stays', async () => {
    await using storage = await openOnSimulator(server, 'dropbox://race');
    await storage.put('a', pattern(10));
    await server.steer({ changeBeforeDelete: true });
    await rejectsWith(storage.delete('a'), 'storage/unavailable');
    assert.deepEqual(await storage.read('a'), pattern(10));
    await storage.delete('a');
    assert.deepEqual(await namesIn(storage, ''), []);
  });

  test('files of other programs are seen with plain names, and told of otherwise', async () => {
    const archive = 'duplicity-full.20260801T000000Z.vol1.difftar.gpg';
    await using plain = await openOnSimulator(server, 'dropbox://foreign', {
      options: { ...signedIn, names: 'plain' },
    });
    await plain.put(archive, pattern(10));
    assert.deepEqual(await namesIn(plain, 'duplicity-full.20260801T'), [archive]);
    assert.deepEqual(await plain.read(archive), pattern(10));
    await rejectsWith(plain.read(archive.toLowerCase()), 'storage/not-found');
    await rejectsWith(plain.stat(archive.toLowerCase()), 'storage/not-found');
    await plain.delete(archive.toLowerCase());
    await rejectsWith(plain.put('a\\b', pattern(10)), 'input/invalid');
    const warnings: AppError[] = [];
    await using escaped = await openOnSimulator(server, 'dropbox://foreign', { warnings });
    assert.deepEqual(await namesIn(escaped, ''), []);
    assert.match(warnings[0]?.hint ?? '', /names=plain/u);
    await plain.delete(archive);
    assert.deepEqual(await namesIn(plain, ''), []);
  });

  test('for good is another call than into the trash', async () => {
    const before = await server.counts();
    for (const deletion of ['trash', 'permanent']) {
      await using storage = await openOnSimulator(server, 'dropbox://trash', {
        options: { ...signedIn, deletion },
      });
      await storage.put('a', pattern(10));
      await storage.delete('a');
    }
    const calls = await server.counts();
    const made = (call: string): number => (calls[call] ?? 0) - (before[call] ?? 0);
    assert.equal(made('/2/files/delete_v2'), 1);
    assert.equal(made('/2/files/permanently_delete'), 1);
  });

  test('a certificate that cannot be trusted is not, and one that is named is', async () => {
    const file = fileURLToPath(import.meta.resolve('#test/servers/simulators/dropbox.ts'));
    for (const tls of ['good', 'expired'] as const) {
      await using other = await startSimulator(file, { tls });
      await using storage = await openOnSimulator(other, 'dropbox://x');
      await rejectsWith(storage.put('a', pattern(1)), 'storage/untrusted');
      const options = { ...signedIn, 'ca-file': other.certificate };
      await using trusting = await openOnSimulator(other, 'dropbox://x', { options });
      if (tls === 'expired') await rejectsWith(trusting.put('a', pattern(1)), 'storage/untrusted');
      else await trusting.put('a', pattern(1));
    }
  });

  test('options that make no sense are refused', async () => {
    for (const options of [
      { 'fragment-size': '5M' },
      { 'fragment-size': '200M' },
      { names: 'x' },
    ]) {
      await assert.rejects(
        openOnSimulator(server, 'dropbox://x', { options: { ...signedIn, ...options } }),
        (error) => hasCode(error, 'input/usage'),
      );
    }
  });
});
