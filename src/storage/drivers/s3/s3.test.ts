import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { networkContract } from '../../../../test/contract/network-contract.ts';
import { type CephServer, serverKind } from '../../../../test/servers/ceph.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';

const missing = missingPrograms(serverKind.programs);

describe('S3 by Ceph', { skip: missing, concurrency: false }, async () => {
  if (missing !== false) return;
  const server = await serverKind.start();
  after(() => server[Symbol.asyncDispose]());
  /** The same server for several subjects. */
  const lent = async (): Promise<CephServer> => ({
    ...server,
    [Symbol.asyncDispose]: async () => undefined,
  });

  networkContract({
    title: 'S3 by Ceph, path style',
    start: lent,
    url: (_, place, port) =>
      `s3+http://127.0.0.1:${port}/contract/${place}?provider=ceph&create-bucket`,
    environment: () => ({
      AWS_ACCESS_KEY_ID: server.user.accessKey,
      AWS_SECRET_ACCESS_KEY: server.user.secretKey,
    }),
    wrongCredentials: (_, place, port) =>
      `s3+http://${server.user.accessKey}:wrong@127.0.0.1:${port}/contract/${place}?provider=ceph`,
  });

  test('x', () => assert.ok(true));
});
