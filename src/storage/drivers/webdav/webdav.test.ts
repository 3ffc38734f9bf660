import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { networkContract, openForTest } from '#test/contract/network-contract.ts';
import { storageContract } from '#test/contract/storage-contract.ts';
import { type ApacheServer, apachePrograms, startApache } from '#test/servers/apache.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { freePort, serverDirectory, startServer } from '#test/servers/server.ts';
import { fillDirectory } from '#test/support/fill-directory.ts';
import { pattern } from '#test/support/storage-samples.ts';

const run = promisify(execFile);
const missing = missingPrograms(apachePrograms);
const credentials = `backup:${encodeURIComponent('s3cret: äöü')}`;

if (missing === false) {
  networkContract({
    title: 'WebDAV by Apache, Basic',
    start: startApache,
    fill: async (server, place, names) => {
      const { data } = server as ApacheServer;
      await fillDirectory(`${data}/${place}`, names);
      // The server runs as another user, who has to be able to write beside them.
      await run('chmod', ['-R', 'a+rwX', `${data}/${place}`]);
    },
    url: (_, place, port) => `webdav://${credentials}@localhost:${port}/dav/${place}`,
    wrongCredentials: (_, place, port) =>
      `webdav://backup:wr0ng-one@localhost:${port}/dav/${place}`,
  });
}

describe('WebDAV by Apache, otherwise', { skip: missing, concurrency: false }, async () => {
  const server = await startApache();
  after(() => server[Symbol.asyncDispose]());
  let places = 0;
  storageContract('WebDAV with Digest', () =>
    openForTest(`webdav://${credentials}@localhost:${server.port}/digest/place${(places += 1)}`),
  );
  storageContract('WebDAV over TLS', () =>
    openForTest(
      `webdavs://${credentials}@localhost:${server.tlsPort}/dav/place${(places += 1)}`,
      {},
      { attempts: 1, 'ca-file': server.certificate },
    ),
  );
});

const noRclone = missingPrograms(['rclone']);

// It knows no conditions, replaces whatever "Overwrite" says, and has pages for people where directories are.
describe('WebDAV by rclone', { skip: noRclone, concurrency: false }, async () => {
  const directory = await serverDirectory();
  const data = path.join(directory, 'data');
  await mkdir(data);
  const port = await freePort();
  const login = ['--user', 'backup', '--pass', 's3cret'];
  const argv = ['rclone', 'serve', 'webdav', data, '--addr', `127.0.0.1:${port}`, ...login];
  const server = await startServer({ directory, port, programs: [{ argv }] });
  after(() => server[Symbol.asyncDispose]());
  let places = 0;
  storageContract('WebDAV by rclone', () =>
    openForTest(`webdav://backup:s3cret@localhost:${port}/place${(places += 1)}`),
  );

  // Its locks outlive the directories that they are on.
  test('directories that were made are removed again, and can be made again', async () => {
    for (const _ of ['first', 'second']) {
      await using storage = await openForTest(
        `webdav://backup:s3cret@localhost:${port}/made/there`,
        {},
        { attempts: 1 },
      );
      await storage.put('a/b', pattern(10));
      await storage.delete('a/b');
      await storage.removeMade?.();
      assert.ok(!(await readdir(data)).includes('made'));
    }
  });
});
