import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { deflateRawSync, deflateSync, gunzipSync } from 'node:zlib';

import fc from 'fast-check';

import { reusedPieces } from '../../../../test/support/reused-pieces.ts';
import { concatBytes, fromHex, utf8 } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { openMessage } from './message-decoder.ts';
import { type MessageParameters, startMessage } from './message-encoder.ts';
import { countOf, PassphraseKeys } from './string-to-key.ts';

const keys = new PassphraseKeys(utf8('fixture pass phrase'));
const compression = { level: 6 };
/** Always the same, so that the key is made once. */
const salt = new Uint8Array(8).fill(7);

async function read(
  stored: Uint8Array,
  { pieceLength = stored.length, passphrase = keys } = {},
): Promise<Buffer> {
  await using message = await openMessage(reusedPieces(stored, pieceLength), passphrase, {});
  const parts: Uint8Array[] = [];
  for (let piece = await message.read(); piece !== undefined; piece = await message.read()) {
    parts.push(new Uint8Array(piece));
  }
  return Buffer.concat(parts);
}

async function write(
  pieces: readonly Uint8Array[],
  parameters: Partial<MessageParameters> = {},
  onBound: (bound: number) => void = () => undefined,
): Promise<Buffer> {
  const stored: Uint8Array[] = [];
  await using encoder = await startMessage((bytes) => void stored.push(bytes), keys, {
    salt,
    random: systemRandom,
    compression,
    ...parameters,
  });
  for (const piece of pieces) {
    await encoder.write(piece);
    onBound(encoder.sizeBound);
  }
  await encoder.settle();
  onBound(encoder.sizeBound);
  await encoder.finish();
  const whole = Buffer.concat(stored);
  assert.ok(encoder.sizeBound >= whole.length);
  return whole;
}

/** A message made by hand of what is to be encrypted; the key is made quickly. */
async function sealed(
  content: Uint8Array,
  { cipher = 9, name = 'aes-256-cfb', keyLength = 32, blockLength = 16 } = {},
): Promise<Buffer> {
  const key = await keys.derive({ hash: 8, salt, count: countOf(0) }, keyLength, {});
  const skesk = Buffer.from([0xc3, 13, 4, cipher, 3, 8, ...salt, 0]);
  const prefix = new Uint8Array(blockLength + 2).fill(5);
  const covered = concatBytes(prefix, content, fromHex('d314'));
  const hash = createHash('sha1').update(covered).digest();
  const encrypted = createCipheriv(name, key, new Uint8Array(blockLength)).update(
    concatBytes(covered, hash),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(1 + encrypted.length);
  return Buffer.concat([skesk, Buffer.from([0xd2, 0xff]), length, Buffer.from([1]), encrypted]);
}

const literal = (data: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(0xcb, data.length + 7), utf8('b\u0001x1234'), data);
const packet = (tag: number, body: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(0xc0 | tag, 0xff, 0, 0, body.length >> 8, body.length & 0xff), body);

test('files of the real program are read, in pieces of any length', async () => {
  const folder = path.resolve('test/fixtures/duplicity/symmetric/dest');
  const names = readdirSync(folder).filter((name) => name.endsWith('.gpg'));
  assert.equal(names.length, 9);
  for (const name of names) {
    const stored = readFileSync(path.join(folder, name));
    const plain = await read(stored);
    assert.ok(plain.equals(await read(stored, { pieceLength: 7 })));
    if (name.includes('manifest'))
      assert.match(plain.toString('latin1'), /^Hostname fixture-host\n/u);
    else assert.ok(plain.includes('ustar'));
  }
});

test('what is written is read again, and is never longer than was said', async () => {
  const pieces = fc.array(
    fc.record({
      length: fc.oneof(fc.nat(2000), fc.nat(200_000)),
      isRandom: fc.boolean(),
    }),
    { maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(pieces, fc.boolean(), async (list, isCompressed) => {
      const plain = list.map(({ length, isRandom }) =>
        isRandom ? systemRandom(length) : new Uint8Array(length).fill(65),
      );
      const bounds: number[] = [];
      const stored = await write(plain, isCompressed ? {} : { compression: undefined }, (bound) =>
        bounds.push(bound),
      );
      assert.ok(Buffer.concat(plain).equals(await read(stored, { pieceLength: 5000 })));
      const last = bounds.at(-1) ?? 0;
      assert.ok(last >= stored.length, `${last} for ${stored.length}`);
      // Not more than what may still be held back uncompressed.
      assert.ok(last <= stored.length + 300_000);
    }),
    { numRuns: 60 },
  );
});

test('after settling the bound is as close as the held back bytes allow', async () => {
  let bound = 0;
  const stored = await write([systemRandom(3_000_000)], {}, (now) => (bound = now));
  assert.ok(bound - stored.length < 1000, `${bound} for ${stored.length}`);
});

test('at every moment the file would not be longer than was said', async () => {
  for (let count = 0; count < 5; count++) {
    const pieces = Array.from({ length: count }, () => systemRandom(60_000));
    let bound = Infinity;
    const stored = await write(pieces, {}, (now) => (bound = now));
    assert.ok(stored.length <= bound);
  }
});

test('a message begins as those of gpg, and no two are the same', async () => {
  const first = await write([utf8('x')]);
  const second = await write([utf8('x')]);
  assert.equal(first.subarray(0, 15).toString('hex'), '8c0d040903020707070707070707ff');
  assert.deepEqual(second.subarray(0, 15), first.subarray(0, 15));
  const body = (stored: Buffer): Buffer => stored.subarray(-40);
  assert.notDeepEqual(body(first), body(second));
});

test('a failure of the sink comes out, and nothing is written afterwards', async () => {
  let calls = 0;
  const failure = new Error('disk full');
  await using encoder = await startMessage(
    () => {
      if (++calls === 3) throw failure;
    },
    keys,
    { salt, random: systemRandom, compression },
  );
  await assert.rejects(async () => {
    for (let round = 0; round < 50; round++) await encoder.write(systemRandom(200_000));
    await encoder.finish();
  }, failure);
  assert.equal(calls, 3);
  await assert.rejects(encoder.write(utf8('x')), failure);
});

test('every cipher, and packets as they are, in ZIP and in ZLIB', async () => {
  const data = utf8('some data');
  const ciphers = [
    { cipher: 2, name: 'des-ede3-cfb', keyLength: 24, blockLength: 8 },
    { cipher: 7, name: 'aes-128-cfb', keyLength: 16 },
    { cipher: 8, name: 'aes-192-cfb', keyLength: 24 },
    { cipher: 13, name: 'camellia-256-cfb', keyLength: 32 },
  ];
  for (const cipher of ciphers)
    assert.deepEqual(await read(await sealed(literal(data), cipher)), Buffer.from(data));
  const forms = [
    literal(data),
    packet(8, concatBytes(Uint8Array.of(0), literal(data))),
    packet(8, concatBytes(Uint8Array.of(1), deflateRawSync(literal(data)))),
    packet(8, concatBytes(Uint8Array.of(2), deflateSync(literal(data)))),
    // Of indeterminate length, as old programs write it.
    concatBytes(fromHex('a301'), deflateRawSync(literal(data))),
  ];
  for (const form of forms) {
    const stored = await sealed(form);
    assert.deepEqual(await read(stored), Buffer.from(data));
    assert.deepEqual(await read(stored, { pieceLength: 1 }), Buffer.from(data));
  }
});

test('what only gpg can read is told apart from damage', async () => {
  const data = literal(utf8('some data'));
  const stored = await sealed(data);
  const unsupported = [
    await sealed(packet(8, concatBytes(Uint8Array.of(3), data))),
    await sealed(concatBytes(packet(4, new Uint8Array(13)), data)),
    await sealed(packet(8, concatBytes(Uint8Array.of(0), packet(4, new Uint8Array(13)), data))),
    Buffer.concat([stored.subarray(0, 15), packet(9, stored.subarray(22))]),
    Buffer.concat([stored.subarray(0, 15), packet(20, stored.subarray(22))]),
    Buffer.concat([packet(1, new Uint8Array(20)), stored.subarray(15)]),
    Buffer.from('-----BEGIN PGP MESSAGE-----\n'),
  ];
  for (const message of unsupported) {
    await assert.rejects(read(message), { code: 'repository/unsupported' });
  }
  const damaged = [
    Buffer.alloc(0),
    Buffer.from(data),
    Buffer.from(
      gunzipSync(
        readFileSync(
          'test/fixtures/duplicity/unencrypted/dest/duplicity-full.20231114T221320Z.vol1.difftar.gz',
        ),
      ).subarray(0, 1000),
    ),
    await sealed(concatBytes(data, data)),
    await sealed(packet(8, concatBytes(Uint8Array.of(9), data))),
    await sealed(packet(8, concatBytes(Uint8Array.of(1), fromHex('ffffffff')))),
    await sealed(packet(8, concatBytes(Uint8Array.of(1), deflateRawSync(data).subarray(0, -2)))),
    await sealed(new Uint8Array(0)),
    Buffer.concat([stored, stored]),
    Buffer.concat([stored, Buffer.from(data)]),
  ];
  for (const message of damaged) {
    await assert.rejects(read(message), { code: 'repository/damaged' });
  }
});

test('another passphrase is noticed, also when the first bytes fit by accident', async () => {
  const stored = await write([utf8('some data')]);
  const passphrase = new PassphraseKeys(utf8('another'));
  await assert.rejects(read(stored, { passphrase }), { code: 'repository/wrong-passphrase' });
  await assert.rejects(read(await sealed(fromHex('00112233'))), { code: 'repository/damaged' });
  await assert.rejects(read(await sealed(packet(6, new Uint8Array(40)))), {
    code: 'repository/wrong-passphrase',
  });
});

test('of several keys the one that fits is found', async () => {
  const stored = await sealed(literal(utf8('some data')));
  const own = stored.subarray(0, 15);
  const other = Buffer.from(own);
  other[8]! ^= 1;
  const rest = stored.subarray(15);
  const plain = Buffer.from('some data');
  assert.deepEqual(await read(Buffer.concat([other, own, rest])), plain);
  assert.deepEqual(await read(Buffer.concat([packet(1, new Uint8Array(20)), own, rest])), plain);
  await assert.rejects(read(Buffer.concat([other, rest])), { code: 'repository/wrong-passphrase' });
  await assert.rejects(read(Buffer.concat([packet(1, new Uint8Array(20)), other, rest])), {
    code: 'repository/unsupported',
  });
  await assert.rejects(read(Buffer.concat([...Array.from({ length: 40 }, () => other), rest])), {
    code: 'repository/unsupported',
  });
});

test(
  'every truncation and every flipped bit is an error of ours',
  { timeout: 60_000 },
  async () => {
    const plain = utf8('some data that are short enough');
    const body = literal(plain);
    for (const form of [body, packet(8, concatBytes(Uint8Array.of(1), deflateRawSync(body)))]) {
      const stored = await sealed(form);
      assert.deepEqual(await read(stored), Buffer.from(plain));
      for (let length = 0; length < stored.length; length++) {
        await rejectsTyped(stored.subarray(0, length), ['repository/damaged']);
      }
      for (let index = 0; index < stored.length; index++) {
        // The count of the key would only take long.
        if (index === 14) continue;
        for (let bit = 0; bit < 8; bit++) {
          const changed = Buffer.from(stored);
          changed[index]! ^= 1 << bit;
          await rejectsTyped(changed, [
            'repository/damaged',
            'repository/wrong-passphrase',
            'repository/unsupported',
          ]);
        }
      }
    }
  },
);

async function rejectsTyped(stored: Uint8Array, codes: readonly string[]): Promise<void> {
  await assert.rejects(read(stored), (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    return true;
  });
}
