import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { openForTest } from '../../../../test/contract/network-contract.ts';
import { rejectsWith } from '../../../../test/support/storage-samples.ts';
import { messageOf } from '../../../base/errors.ts';

/** The location that a URL leads to; nothing is sent. */
async function locationOf(
  url: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  await using storage = await openForTest(url, environment);
  return storage.location;
}

const own = 'azure://acme.blob.core.windows.net/backups/a/b';

describe('the URL of an Azure destination', () => {
  const forms: Readonly<Record<string, string>> = {
    'azure://backups/a/b?account=acme&key=AAAA': own,
    'azure://backups/a/b?auth-username=acme&auth-password=AAAA': own,
    'azure://backups/a/b/?azure_account_name=acme&azure_access_key=AAAA': own,
    'azure:backups:/a/b?account=acme&key=AAAA': own,
    'azblob://backups/a/b?azure-account-name=acme&azure-access-sas-token=%3Fsig%3Dx': own,
    'azure://acme:AAAA@backups/a/b': own,
    'azure://acme.blob.core.windows.net/backups/a/b?key=AAAA': own,
    'azure://acme.blob.core.usgovcloudapi.net/backups?key=AAAA':
      'azure://acme.blob.core.usgovcloudapi.net/backups/',
    'azure://backups?key=AAAA&account=acme&endpoint-suffix=core.chinacloudapi.cn':
      'azure://acme.blob.core.chinacloudapi.cn/backups/',
  };
  for (const [url, location] of Object.entries(forms)) {
    test(`may be ${url}`, async () => assert.equal(await locationOf(url), location));
  }

  test('may be as duplicity has it, with the rest in the environment', async () => {
    const connection = 'DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=AAAA';
    assert.equal(
      await locationOf('azure://backups/a/b', { AZURE_CONNECTION_STRING: connection }),
      own,
    );
    assert.equal(
      await locationOf('azure://backups?account=other&key=AAAA', {
        AZURE_CONNECTION_STRING: connection,
      }),
      'azure://other.blob.core.windows.net/backups/',
      'a connection string for another account says nothing about this one',
    );
  });

  const wrong: Readonly<Record<string, RegExp>> = {
    'azure://?account=acme&key=AAAA': /names no container/u,
    'azure://Backups?account=acme&key=AAAA': /cannot be the name of a container/u,
    'azure://backups?key=AAAA': /which storage account/u,
    'azure://backups?account=acme': /no credentials/u,
    'azure://backups?account=acme&key=not%20base64': /not in Base64/u,
    'azure://backups/a/../b?account=acme&key=AAAA': /path of the destination/u,
    'azure://backups?account=acme&key=AAAA&tier=warm': /none of hot, cool/u,
    'azure://backups?account=acme&key=AAAA&tier=archive': /archive tier is refused/u,
    'azure://backups?account=acme&key=AAAA&immutability=locked': /belong together/u,
    'azure://backups?account=acme&key=AAAA&part-size=1': /part-size/u,
    'azure://backups?account=acme&kez=AAAA': /no option "kez"/u,
    'azure://backups?connection-string=AAAA': /connection string makes no sense/u,
  };
  for (const [url, sentence] of Object.entries(wrong)) {
    test(`is refused in one sentence: ${url}`, async () => {
      await rejectsWith(locationOf(url), 'input/usage');
      await assert.rejects(locationOf(url), (error) => {
        assert.match(messageOf(error), sentence);
        assert.doesNotMatch(messageOf(error), /AAAA|not base64/u);
        return true;
      });
    });
  }
});
