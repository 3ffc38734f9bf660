import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { serverKind } from '#test/servers/onedrive.ts';
import { openOnSimulator, signedIn } from '#test/servers/simulators/open-on-simulator.ts';
import { simulatedAccount } from '#test/servers/simulators/simulated-oauth.ts';
import { namesIn, pattern, rejectsWith, sourceOf } from '#test/support/storage-samples.ts';

import { hasCode } from '../../../base/errors.ts';

describe('OneDrive', { concurrency: false }, async () => {
  const server = await serverKind.start();
  after(() => server[Symbol.asyncDispose]());

  test('the variables of duplicity sign in and name the drive', async () => {
    const environment = {
      OAUTH2_CLIENT_ID: simulatedAccount.clientId,
      OAUTH2_REFRESH_TOKEN: simulatedAccount.refreshToken,
      DUPLICITY_ONEDRIVE_ROOT: 'drives/drive-1',
    };
    const options = { 'client-secret': simulatedAccount.clientSecret };
    await using storage = await openOnSimulator(server, 'onedrive://env', { options, environment });
    await storage.put('a', pattern(10));
    await using same = await openOnSimulator(server, 'onedrivev2://env?drive-id=drive-1');
    assert.deepEqual(await namesIn(same, ''), ['a']);
    await using own = await openOnSimulator(server, 'onedrive:///env/');
    assert.deepEqual(await namesIn(own, ''), ['a']);
  });

  test('all ways to a site and a group lead there', async () => {
    const site = [
      'sharepoint://example.sharepoint.com/sites/team/Shared Documents/in/site',
      'sharepoint://example.sharepoint.com/sites/team//in/site',
      'sharepoint://example.sharepoint.com,1111,2222/in/site',
      'sharepoint://in/site?site-id=example.sharepoint.com,1111,2222',
    ];
    const group = [
      'msgroup://in/group?group-email=team@example.org',
      'msgroup://in/group?group-id=group-1',
    ];
    for (const [index, urls] of [site, group].entries()) {
      for (const url of urls) {
        await using storage = await openOnSimulator(server, url);
        await storage.put(`of ${index}`, pattern(5));
        assert.deepEqual(await namesIn(storage, ''), [`of ${index}`], url);
      }
    }
    await using application = await openOnSimulator(server, site[0] ?? '', {
      options: { ...signedIn, 'refresh-token': undefined },
    });
    assert.deepEqual(await namesIn(application, ''), ['of 0']);
  });

  test('what is not there, or not said, is told', async () => {
    for (const url of [
      'onedrive://x?drive-id=missing',
      'sharepoint://other.sharepoint.com/sites/none/x',
      'msgroup://x?group-email=nobody@example.org',
    ]) {
      await using storage = await openOnSimulator(server, url);
      await rejectsWith(storage.put('a', pattern(1)), 'storage/no-container');
      await rejectsWith(namesIn(storage, ''), 'storage/no-container');
      await rejectsWith(storage.stat('a'), 'storage/no-container');
    }
    for (const url of ['sharepoint://x', 'msgroup://x']) {
      await using storage = await openOnSimulator(server, url);
      await rejectsWith(namesIn(storage, ''), 'input/usage');
    }
    for (const url of ['od4b://tenant-my.sharepoint.com/personal/a/x', 'mssp://h/sites/a//b'])
      await assert.rejects(
        openOnSimulator(server, url),
        (error) => hasCode(error, 'input/usage') && /Write /u.test(error.hint ?? ''),
      );
  });

  test("the app's folder is another place than the root", async () => {
    await using app = await openOnSimulator(server, 'onedrive://place?app-folder');
    await app.put('a/b', pattern(10));
    await using root = await openOnSimulator(server, 'onedrive://place');
    assert.deepEqual(await namesIn(root, ''), []);
    assert.deepEqual(await namesIn(app, ''), ['a/b']);
    await app.delete('a/b');
    assert.deepEqual(await namesIn(app, ''), []);
  });

  test('an upload that fails gives its session up, and fragments of another size do', async () => {
    const url = 'onedrive://sessions?fragment-size=640K';
    await using storage = await openOnSimulator(server, url);
    const pieces = [pattern(1_000_000), pattern(1_000_000, 3)];
    await storage.put('whole', sourceOf(pieces));
    assert.equal((await storage.stat('whole')).size, 2_000_000);
    const before = (await server.counts())['sessions abandoned'] ?? 0;
    const body = { size: 2_000_001, stream: () => sourceOf(pieces).stream() };
    await rejectsWith(storage.put('part', body), 'input/invalid');
    await rejectsWith(
      storage.put('whole', sourceOf(pieces), { ifAbsent: true }),
      'storage/already-exists',
    );
    assert.equal(((await server.counts())['sessions abandoned'] ?? 0) - before, 1);
    assert.deepEqual(await namesIn(storage, ''), ['whole']);
    for (const size of ['1M', '0', '64M'])
      await rejectsWith(
        openOnSimulator(server, 'onedrive://x', {
          options: { ...signedIn, 'fragment-size': size },
        }),
        'input/usage',
      );
  });

  test('files and folders in the way are told, and folders are never deleted', async () => {
    await using storage = await openOnSimulator(server, 'onedrive://ways');
    await storage.put('folder/a', pattern(10));
    await storage.put('file', pattern(10));
    await rejectsWith(storage.put('folder', pattern(10)), 'storage/access-denied');
    await rejectsWith(storage.put('file/below', pattern(10)), 'storage/access-denied');
    await storage.delete('folder');
    assert.deepEqual(await namesIn(storage, ''), ['file', 'folder/a']);
  });

  test('deletes for good where it is told to', async () => {
    const before = (await server.counts())['removed for good'] ?? 0;
    await using storage = await openOnSimulator(server, 'onedrive://good?deletion=permanent');
    await storage.put('a', pattern(10));
    await storage.delete('a');
    assert.deepEqual(await namesIn(storage, ''), []);
    assert.equal(((await server.counts())['removed for good'] ?? 0) - before, 1);
  });

  test('what somebody else replaces while it is deleted stays', async () => {
    await using storage = await openOnSimulator(server, 'onedrive://race');
    await storage.put('a', pattern(10));
    await server.steer({ changeBeforeDelete: true });
    await rejectsWith(storage.delete('a'), 'storage/unavailable');
    assert.deepEqual(await storage.read('a'), pattern(10));
    await storage.delete('a');
    assert.deepEqual(await namesIn(storage, ''), []);
  });

  test('files of other programs are seen with plain names', async () => {
    const archive = 'duplicity-full.20260801T000000Z.vol1.difftar.gpg';
    await using plain = await openOnSimulator(server, 'onedrive://foreign?names=plain');
    await plain.put(archive, pattern(10));
    assert.deepEqual(await namesIn(plain, ''), [archive]);
    await rejectsWith(plain.read(archive.toLowerCase()), 'storage/not-found');
    await rejectsWith(plain.put('a:b', pattern(10)), 'input/invalid');
    await using escaped = await openOnSimulator(server, 'onedrive://foreign');
    assert.deepEqual(await namesIn(escaped, ''), []);
  });
});
