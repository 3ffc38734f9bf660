import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  auditName,
  finalName,
  forgetName,
  hostName,
  indexName,
  keySlotName,
  packName,
  parseObjectName,
  pendingName,
  sealName,
  settingsName,
  tombstoneName,
} from './object-name.ts';

const id = '0123456789abcdef0123456789abcdef';
const hash = 'fe'.repeat(32);

test('every name says what it was made from', () => {
  assert.deepEqual(parseObjectName('holdfast'), { type: 'description' });
  assert.deepEqual(parseObjectName(settingsName(12, id)), { type: 'settings', number: 12, id });
  assert.deepEqual(parseObjectName(keySlotName(id)), { type: 'key', id });
  assert.deepEqual(parseObjectName(hostName(id, 0)), { type: 'host', id, number: 0 });
  assert.equal(packName(hash), `packs/fe/${hash}`);
  assert.deepEqual(parseObjectName(packName(hash)), { type: 'pack', hash });
  assert.deepEqual(parseObjectName(indexName(hash)), { type: 'index', hash });
  assert.deepEqual(parseObjectName(finalName(id)), { type: 'final', id });
  assert.deepEqual(parseObjectName(sealName(id)), { type: 'seal', id });
  assert.deepEqual(parseObjectName(forgetName(id)), { type: 'forget', id });
  assert.deepEqual(parseObjectName(auditName(id)), { type: 'audit', id });
  assert.deepEqual(parseObjectName(pendingName(id, 3)), { type: 'pending', runId: id, number: 3 });
  assert.deepEqual(parseObjectName(tombstoneName(id)), { type: 'tombstone', runId: id });
  assert.deepEqual(parseObjectName('parity/1/2'), { type: 'reserved' });
  assert.deepEqual(parseObjectName('receipts/x'), { type: 'reserved' });
});

test('foreign names are foreign', () => {
  for (const name of [
    '',
    'Holdfast',
    'holdfast/',
    'keys/',
    `keys/${id.toUpperCase()}`,
    `keys/${id}0`,
    `keys/${id}\n`,
    `keys/../${id}`,
    `hosts/${id}`,
    `hosts/${id}.01`,
    `hosts/${id}.-1`,
    `hosts/${id}.9999999999999999`,
    `settings/${id}`,
    `settings/01-${id}`,
    `packs/ff/${hash}`,
    `packs/${hash}`,
    `index/${id}`,
    `pending/${id}`,
    `snapshots/${hash}`,
    `other/${id}`,
    `x/snapshots/${id}`,
  ]) {
    assert.equal(parseObjectName(name), undefined, name);
  }
});
