import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { fromHex, toHex } from '../../../base/bytes.ts';
import { reusedPieces } from '../../../../test/support/reused-pieces.ts';
import { ByteSource } from './byte-source.ts';
import { PacketReader, readWhole } from './packet-reader.ts';
import { PartialBody, partialBodyBound } from './partial-body.ts';

function reader(bytes: Uint8Array, pieceLength = bytes.length): PacketReader {
  return new PacketReader(new ByteSource(reusedPieces(bytes, pieceLength)));
}

async function packets(bytes: Uint8Array): Promise<string[]> {
  const found: string[] = [];
  const source = reader(bytes);
  for (let packet = await source.next(); packet !== undefined; packet = await source.next()) {
    found.push(`${packet.tag}:${toHex(await readWhole(packet.body, 1000))}`);
  }
  return found;
}

test('headers of both formats and all lengths', async () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['8c02aabb', ['3:aabb']],
    ['8d0002aabb', ['3:aabb']],
    ['8e00000002aabb', ['3:aabb']],
    ['8faabb', ['3:aabb']],
    ['c302aabb', ['3:aabb']],
    ['c3ff00000002aabb', ['3:aabb']],
    ['c300cb01cc', ['3:', '11:cc']],
    [`c3c000${'11'.repeat(192)}`, [`3:${'11'.repeat(192)}`]],
    [`c3e9${'22'.repeat(512)}e0330144`, [`3:${'22'.repeat(512)}3344`]],
    // A marker says nothing (RFC 4880, 5.8).
    ['ca03504750cb01cc', ['11:cc']],
  ];
  for (const [bytes, expected] of cases) assert.deepEqual(await packets(fromHex(bytes)), expected);
});

test('what is no packet, is cut off or begins with too short a part is damaged', async () => {
  for (const bytes of [
    '00',
    '7f',
    '80',
    'c0',
    'c3',
    '8c',
    '8c02aa',
    'c3ff0000',
    'c3c0',
    'c3e8',
    'c302aa',
  ]) {
    await assert.rejects(packets(fromHex(bytes)), { code: 'repository/damaged' }, bytes);
  }
  const partial = fromHex(`c3e9${'22'.repeat(512)}e033`);
  await assert.rejects(packets(partial), { code: 'repository/damaged' });
  await assert.rejects(readWhole((await reader(fromHex('8c02aabb')).next())!.body, 1), {
    code: 'repository/damaged',
  });
});

test('what is left of a body is passed over', async () => {
  const source = reader(fromHex('8c02aabbcb01cc'), 1);
  await source.next();
  const second = await source.next();
  assert.equal(second?.tag, 11);
  assert.equal(await source.next(), undefined);
});

test('a body in parts is read as it was written, and is not longer than its bound', async () => {
  const lengths = fc.oneof(
    fc.nat(300),
    fc.constantFrom(191, 192, 8383, 8384, 65_535, 65_536, 65_537, 131_072),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(lengths, { maxLength: 5 }), fc.nat(10), async (sizes, start) => {
      const pieces = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
      const body = new PartialBody(11, new Uint8Array(start));
      const written: Uint8Array[] = pieces.flatMap((piece) =>
        body.push(piece).map((part) => {
          const copy = part.slice();
          body.takeBack(part);
          return copy;
        }),
      );
      written.push(...body.finish());
      const stored = Buffer.concat(written);
      const plain = Buffer.concat([new Uint8Array(start), ...pieces]);
      assert.ok(stored.length <= partialBodyBound(plain.length));
      const packet = await reader(stored, 1000).next();
      assert.equal(packet?.tag, 11);
      assert.ok(plain.equals(await readWhole(packet.body, plain.length)));
    }),
    { numRuns: 60 },
  );
});
