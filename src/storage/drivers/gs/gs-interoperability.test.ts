import { after, describe } from 'node:test';

import { openForTest } from '../../../../test/contract/network-contract.ts';
import { storageContract } from '../../../../test/contract/storage-contract.ts';
import { startGoogleCloudStorage } from '../../../../test/servers/google-cloud-storage.ts';
import { interoperabilityKey } from '../../../../test/servers/simulators/gcs-accounts.ts';

describe('Google Cloud Storage through its XML interface (simulated)', async () => {
  const server = await startGoogleCloudStorage();
  after(() => server[Symbol.asyncDispose]());
  let places = 0;
  storageContract('Google Cloud Storage with an interoperability key', () => {
    places += 1;
    return openForTest(
      `gs://place${places}?endpoint=http://127.0.0.1:${server.port}&create-bucket`,
      {
        GS_ACCESS_KEY_ID: interoperabilityKey.id,
        GS_SECRET_ACCESS_KEY: interoperabilityKey.secret,
      },
    );
  });
});
