import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { elements, field, instant, textField } from './json-field.ts';

describe('a field of a JSON value', () => {
  test('is what is there, also by a getter as errors and answers have it, or undefined', () => {
    assert.equal(field({ a: 1 }, 'a'), 1);
    assert.equal(field(new Response(null, { status: 204 }), 'status'), 204);
    for (const value of [undefined, null, 'a', 1, [], {}])
      assert.equal(field(value, 'a'), undefined);
    assert.equal(textField({ a: 'b' }, 'a'), 'b');
    assert.equal(textField({ a: 1 }, 'a'), undefined);
    assert.deepEqual(elements([1, 2]), [1, 2]);
    assert.deepEqual(elements({ length: 1 }), []);
  });

  test('that is a time is in UTC unless it says otherwise', () => {
    const noon = Date.UTC(2024, 1, 29, 12);
    for (const written of [
      '2024-02-29T12:00:00',
      '2024-02-29T12:00:00.000000',
      '2024-02-29T12:00:00Z',
      '2024-02-29T13:00:00+01:00',
    ])
      assert.equal(instant(written), noon);
    for (const value of [undefined, 0, '', 'yesterday']) assert.ok(Number.isNaN(instant(value)));
  });
});
