import assert from 'node:assert/strict';
import { test } from 'node:test';

import { destinationName, meantDestination } from './named-destination.ts';

const destinations = {
  offsite: {
    url: 's3://bucket/host',
    passphrase: { file: '/run/secrets/offsite' },
    options: { region: 'eu', endpoint: 'https://s3.example' },
  },
};

test('a name is no URL and no path', () => {
  assert.equal(destinationName({ url: 'offsite' }), 'offsite');
  for (const url of ['s3://bucket', '/mnt/disk', './disk', { file: '/run/secrets/url' }]) {
    assert.equal(destinationName({ url }), undefined, JSON.stringify(url));
  }
});

test('what the job says counts more, option by option', () => {
  assert.deepEqual(
    meantDestination(
      { url: 'offsite', format: 'native', options: { region: 'us' } },
      { destinations },
    ),
    {
      name: 'offsite',
      url: 's3://bucket/host',
      passphrase: { file: '/run/secrets/offsite' },
      format: 'native',
      options: { region: 'us', endpoint: 'https://s3.example' },
    },
  );
  const plain = { url: '/mnt/disk' };
  assert.equal(meantDestination(plain, { destinations }), plain);
});

test('a name that is not there is told, with the nearest', () => {
  assert.throws(() => meantDestination({ url: 'ofsite' }, { destinations }), {
    code: 'input/invalid',
    message: 'There is no destination "ofsite"',
    hint: 'Did you mean "offsite"?',
  });
  assert.throws(() => meantDestination({ url: 'constructor' }, { destinations }), {
    message: 'There is no destination "constructor"',
  });
});
