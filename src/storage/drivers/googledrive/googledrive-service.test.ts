import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';

import { serverKind } from '#test/servers/google-drive.ts';
import { openOnSimulator, signedIn } from '#test/servers/simulators/open-on-simulator.ts';
import { simulatedAccount } from '#test/servers/simulators/simulated-oauth.ts';
import { namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';

import { type AppError, hasCode } from '../../../base/errors.ts';

describe('Google Drive', { concurrency: false }, async () => {
  const server = await serverKind.start();
  after(() => server[Symbol.asyncDispose]());

  /** A call past the driver, as another program would make it. */
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/drive/v3/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${simulatedAccount.accessToken}`,
        'content-type': 'application/json',
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    assert.ok(answer.ok, await answer.clone().text());
    return answer.json();
  };
  const idOf = async (name: string, parent = 'root'): Promise<string> => {
    const query = encodeURIComponent(`'${parent}' in parents and name = '${name}'`);
    const { files } = (await call('GET', `files?q=${query}&fields=files(id)`)) as {
      readonly files: readonly { readonly id: string }[];
    };
    return files[0]?.id ?? '';
  };

  test('of files with one name the newest counts, and the next put removes the others', async () => {
    await using storage = await openOnSimulator(server, 'googledrive://twins');
    await storage.put('a', pattern(10, 1));
    const folder = await idOf('twins');
    // An object that another host put at the same moment.
    await using other = await openOnSimulator(server, 'googledrive://twins');
    await call('POST', 'files', { name: 'b', parents: [folder], mimeType: 'application/x' });
    await other.put('A', pattern(5));
    const twin = (await call('POST', 'files?fields=id', {
      name: 'a',
      parents: [folder],
      mimeType: 'application/octet-stream',
    })) as { readonly id: string };
    await fetch(
      `http://127.0.0.1:${server.port}/upload/drive/v3/files/${twin.id}?uploadType=resumable`,
      {
        method: 'PATCH',
        headers: {
          authorization: `Bearer ${simulatedAccount.accessToken}`,
          'content-type': 'application/json',
          'x-upload-content-length': '20',
        },
        body: '{}',
      },
    ).then(async (answer) =>
      fetch(answer.headers.get('location') ?? '', {
        method: 'PUT',
        headers: { authorization: `Bearer ${simulatedAccount.accessToken}` },
        body: pattern(20, 2).slice().buffer,
      }),
    );
    assert.deepEqual(await namesIn(storage, 'a'), ['a']);
    assert.deepEqual(await storage.read('a'), pattern(20, 2));
    assert.equal((await storage.stat('a')).size, 20);
    await storage.put('a', pattern(30, 3));
    assert.deepEqual(await storage.read('a'), pattern(30, 3));
    const query = encodeURIComponent(`'${folder}' in parents and name = 'a'`);
    const { files } = (await call('GET', `files?q=${query}&fields=files(name)`)) as {
      readonly files: readonly { readonly name: string }[];
    };
    assert.deepEqual(files.map(({ name }) => name).toSorted(), ['A', 'a']);
    await storage.delete('a');
    await rejectsWith(storage.stat('a'), 'storage/not-found');
    assert.deepEqual(await storage.read('A'), pattern(5));
  });

  test('folders with one name count together', async () => {
    await using storage = await openOnSimulator(server, 'googledrive://doubles');
    await storage.put('x/a', pattern(1));
    const folder = await idOf('doubles');
    const twin = (await call('POST', 'files?fields=id', {
      name: 'x',
      parents: [folder],
      mimeType: 'application/vnd.google-apps.folder',
    })) as { readonly id: string };
    await call('POST', 'files', { name: 'b', parents: [twin.id], mimeType: 'application/x' });
    assert.deepEqual(await namesIn(storage, ''), ['x/a', 'x/b']);
    assert.deepEqual(await namesIn(storage, 'x/'), ['x/a', 'x/b']);
    assert.equal((await storage.stat('x/b')).size, 0);
    await storage.delete('x/b');
    assert.deepEqual(await namesIn(storage, ''), ['x/a']);
  });

  test('parallel puts make a folder once', async () => {
    const before = (await server.counts())['folders made'] ?? 0;
    await using storage = await openOnSimulator(server, 'googledrive://deep/er');
    const all = Array.from({ length: 12 }, (_, index) => `p/q${index % 2}/${index}`);
    await Promise.all(all.map((name) => storage.put(name, pattern(1))));
    assert.equal(((await server.counts())['folders made'] ?? 0) - before, 5);
    assert.equal((await namesIn(storage, '')).length, 12);
  });

  test('a folder that others have deleted is made again', async () => {
    await using storage = await openOnSimulator(server, 'googledrive://gone', {
      options: { ...signedIn, attempts: 3 },
    });
    await storage.put('x/a', pattern(1));
    const id = await idOf('gone');
    await fetch(`http://127.0.0.1:${server.port}/drive/v3/files/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${simulatedAccount.accessToken}` },
    });
    await rejectsWith(storage.read('x/a'), 'storage/not-found');
    await storage.put('x/b', pattern(2));
    assert.deepEqual(await namesIn(storage, ''), ['x/b']);
  });

  test('a service account signs in, in its own name and in that of a user', async () => {
    const file = { 'service-account-file': server.keyFile };
    const environment = { GOOGLE_SERVICE_JSON_FILE: server.keyFile };
    const text = await readFile(server.keyFile, 'utf8');
    const key = JSON.parse(text) as { readonly client_email: string; readonly private_key: string };
    const [user = '', host = ''] = key.client_email.split('@');
    const url = `gdrive://${user}@${host}/account?driveID=shared-drive-1&deletion=trash`;
    await using storage = await openOnSimulator(server, url, { options: {}, environment });
    await storage.put('a', pattern(10));
    const shared = 'googledrive://account?googledrive-teamdrive-id=shared-drive-1&deletion=trash';
    const ways = [
      { options: { ...file, subject: 'somebody@example.org' } },
      { options: { 'service-account-json': text, scope: 'drive.file' } },
    ];
    for (const way of ways) {
      await using other = await openOnSimulator(server, shared, way);
      assert.deepEqual(await namesIn(other, ''), ['a']);
    }
    await using old = await openOnSimulator(server, `pydrive://${user}@${host}/account`, {
      options: { 'shared-drive': 'shared-drive-1' },
      environment: { GOOGLE_DRIVE_ACCOUNT_KEY: key.private_key },
    });
    assert.deepEqual(await namesIn(old, ''), ['a']);
    await using nobody = await openOnSimulator(server, shared, {
      options: { ...file, subject: 'nobody@example.org' },
    });
    await rejectsWith(namesIn(nobody, ''), 'storage/access-denied');
    await rejectsWith(
      openOnSimulator(server, shared, { options: { 'service-account-file': '/dev/null' } }),
      'input/usage',
    );
  });

  test('in a shared drive that allows it only to managers, deleting for good says what to do', async () => {
    const url = 'googledrive://rights?shared-drive=shared-drive-1';
    await using storage = await openOnSimulator(server, url);
    await storage.put('a', pattern(10));
    await assert.rejects(
      storage.delete('a'),
      (error) => hasCode(error, 'storage/access-denied') && /trash/u.test(error.hint ?? ''),
    );
    await using gentle = await openOnSimulator(server, `${url}&deletion=trash`);
    await gentle.delete('a');
    assert.deepEqual(await namesIn(storage, ''), []);
  });

  test('a shared drive or folder that is not there is named', async () => {
    for (const option of ['shared-drive', 'myDriveFolderID']) {
      const warnings: AppError[] = [];
      const url = `googledrive://x?${option}=missing`;
      await using storage = await openOnSimulator(server, url, { warnings });
      await rejectsWith(storage.put('a', pattern(1)), 'storage/no-container');
      await rejectsWith(namesIn(storage, ''), 'storage/no-container');
      await rejectsWith(storage.stat('a'), 'storage/no-container');
    }
  });
});
