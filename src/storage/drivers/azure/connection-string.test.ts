import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import { parseConnectionString } from './connection-string.ts';

/** What a connection string says, with its secrets shown. */
function parsed(text: string): Readonly<Record<string, unknown>> {
  const { key, sasToken, ...rest } = parseConnectionString(new Secret(text));
  return { ...rest, key: key?.reveal(), sasToken: sasToken?.reveal() };
}

describe('a connection string', () => {
  test('of the portal names account, key and cloud', () => {
    assert.deepEqual(
      parsed(
        'DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a+b/c==;EndpointSuffix=core.chinacloudapi.cn',
      ),
      {
        account: 'acme',
        key: 'a+b/c==',
        sasToken: undefined,
        endpoint: 'https://acme.blob.core.chinacloudapi.cn',
      },
    );
  });

  test('with a SAS names the endpoint and the SAS', () => {
    assert.deepEqual(
      parsed(
        'BlobEndpoint=https://acme.blob.core.windows.net/;QueueEndpoint=https://q/;SharedAccessSignature=sv=2022&sig=x%3D',
      ),
      {
        endpoint: 'https://acme.blob.core.windows.net/',
        key: undefined,
        sasToken: 'sv=2022&sig=x%3D',
      },
    );
  });

  test('of the emulator is short', () => {
    assert.equal(
      parsed('UseDevelopmentStorage=true')['endpoint'],
      'http://127.0.0.1:10000/devstoreaccount1',
    );
  });

  for (const text of ['secret', 'AccountKey=secret', '=secret;AccountName=a']) {
    test(`that makes no sense (${text}) is refused without being shown`, () => {
      assert.throws(
        () => parsed(text),
        (error) => hasCode(error, 'input/usage') && !error.message.includes('secret'),
      );
    });
  }
});
