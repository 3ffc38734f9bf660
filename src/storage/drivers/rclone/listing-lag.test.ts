import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listingLagOf } from './listing-lag.ts';

test('only services that are known to list at once are believed to', () => {
  for (const description of [
    'Local file system at /x',
    'sftp://me@host:22/x',
    "webdav root 'x'",
    'S3 bucket b path p',
  ])
    assert.equal(listingLagOf(description), 0);
  for (const description of ["Google drive root 'x'", "Encrypted drive 'x'", '', 'my S3 '])
    assert.equal(listingLagOf(description), undefined);
});
