import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SpaceReservation } from './space-reservation.ts';

const mebibyte = 1024 ** 2;

test('neighbours are reserved together, holes are not, and a long stretch not only at its end', () => {
  const reserved: [offset: number, length: number][] = [];
  const space = new SpaceReservation((offset, length) => reserved.push([offset, length]));
  space.add(0, 5);
  space.add(5, 6);
  space.add(20, 1);
  space.add(21, 64 * mebibyte);
  space.add(21 + 64 * mebibyte, 7);
  assert.deepEqual(reserved, [
    [0, 11],
    [20, 64 * mebibyte + 1],
  ]);
  space.end();
  space.end();
  assert.deepEqual(reserved.slice(2), [[21 + 64 * mebibyte, 7]]);
});
