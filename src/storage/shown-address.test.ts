import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shownAddress } from './shown-address.ts';

for (const [text, shown] of [
  ['https://user:hush@host:1/path', 'https://***@host:1/path'],
  ['user:hu@sh@host', '***@host'],
  ['https://a.blob.core.windows.net/c?sv=1&sig=hush', 'https://a.blob.core.windows.net/c?***'],
  ['https://host/a@b', 'https://host/a@b'],
  ['host', 'host'],
  ['', ''],
] as const)
  test(`"${text}" is shown as "${shown}"`, () => assert.equal(shownAddress(text), shown));
