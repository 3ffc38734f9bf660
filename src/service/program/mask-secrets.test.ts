import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { Secret } from '../../base/secret.ts';
import { SecretMask } from './mask-secrets.ts';

test('a secret is masked however it is written', () => {
  const mask = new SecretMask();
  mask.add(new Secret('p@ss "word"'));
  assert.equal(mask.mask('is p@ss "word"!'), 'is ***!');
  assert.equal(mask.mask('sftp://me:p%40ss%20%22word%22@host'), 'sftp://me:***@host');
  assert.equal(mask.mask(JSON.stringify({ x: 'p@ss "word"' })), '{"x":"***"}');
  assert.equal(mask.mask('nothing'), 'nothing');
});

test('of an address only what is secret is masked', () => {
  const mask = new SecretMask();
  mask.addAddress('s3://key-id:s3cr%2Ft@bucket/path?region=eu-west&secret-key=abc123');
  assert.equal(mask.mask('bucket/path eu-west key-id'), 'bucket/path eu-west key-id');
  assert.equal(mask.mask('abc123 s3cr%2Ft s3cr/t'), '*** *** ***');
});

test('the longer of two secrets is masked as a whole', () => {
  const mask = new SecretMask();
  mask.add('secret');
  mask.add('secret-longer');
  assert.equal(mask.mask('secret-longer secret'), '*** ***');
});

test('lines of a key are masked one by one, short words are left', () => {
  const mask = new SecretMask();
  mask.add('-----BEGIN KEY-----\nAAAABBBBCCCCDDDDEEEE\nab\n');
  assert.equal(mask.mask('> AAAABBBBCCCCDDDDEEEE ab'), '> *** ab');
  mask.add('x');
  assert.equal(mask.mask('fox'), 'fox');
});

test('texts within plain JSON are masked, names and numbers stay', () => {
  const mask = new SecretMask();
  mask.add('hunter2');
  const value = { hunter2: ['a hunter2', 2, true, null, { b: 'hunter2' }] };
  assert.deepEqual(mask.maskAll(value), { hunter2: ['a ***', 2, true, null, { b: '***' }] });
});

test('a text in pieces is masked as the whole would be', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 3, maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') }), {
        maxLength: 3,
      }),
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c') }), { maxLength: 20 }),
      (secrets, pieces) => {
        const mask = new SecretMask();
        for (const secret of secrets) mask.add(secret);
        const stream = mask.stream();
        const masked = pieces.map((piece) => stream.push(piece)).join('') + stream.end();
        assert.equal(masked, mask.mask(pieces.join('')));
      },
    ),
  );
});
