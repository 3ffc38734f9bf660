import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { concatBytes, utf8 } from '../../../base/bytes.ts';
import { hasCode } from '../../../base/errors.ts';
import { DeltaEncoder } from '../../../codec/rsync/delta.ts';
import { Signature, SignatureBuilder } from '../../../codec/rsync/signature.ts';
import { type ContentReader, PatchedContent } from './patched-content.ts';
import { TemporaryStore } from './temporary-store.ts';

function deltaOf(older: Uint8Array, newer: Uint8Array): Uint8Array {
  const signature = new SignatureBuilder({ blockLength: 8 });
  signature.update(older);
  const pieces: Uint8Array[] = [];
  const encoder = new DeltaEncoder(Signature.parse(signature.finish()), (piece) =>
    pieces.push(piece.slice()),
  );
  encoder.update(newer);
  encoder.finish();
  return concatBytes(...pieces);
}

/** Gives the bytes a few at a time. */
function reader(bytes: Uint8Array, piece = 7): ContentReader {
  let offset = 0;
  return {
    read: () => {
      const next = bytes.subarray(offset, offset + piece);
      offset += piece;
      return Promise.resolve(next.length === 0 ? undefined : next);
    },
  };
}

async function patch(
  base: Uint8Array,
  deltas: readonly Uint8Array[],
  mostPieces?: number,
): Promise<Uint8Array> {
  using store = new TemporaryStore(tmpdir());
  using content = await PatchedContent.open(
    reader(base),
    deltas.map((delta) => reader(delta)),
    store,
    {},
    mostPieces,
  );
  const result = concatBytes(...(await Array.fromAsync(content.stream())));
  assert.equal(content.length, result.length);
  return result;
}

/** A version made of parts of the one before and of new bytes. */
const edits = fc.array(
  fc.oneof(fc.record({ from: fc.nat(300), length: fc.nat(100) }), fc.uint8Array({ maxLength: 30 })),
  { maxLength: 8 },
);

describe('content with deltas', () => {
  for (const mostPieces of [undefined, 3, 0]) {
    it(`is the newest version, with at most ${mostPieces ?? 'many'} pieces in memory`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ maxLength: 300, size: 'max' }),
          fc.array(edits, { minLength: 1, maxLength: 6 }),
          async (base, history) => {
            let version: Uint8Array = base;
            const deltas: Uint8Array[] = [];
            for (const parts of history) {
              const older = version;
              version = concatBytes(
                ...parts.map((part) =>
                  part instanceof Uint8Array
                    ? part
                    : older.subarray(part.from, part.from + part.length),
                ),
              );
              deltas.push(deltaOf(older, version));
            }
            assert.deepEqual(await patch(base, deltas, mostPieces), version);
          },
        ),
        { numRuns: 60 },
      );
    });
  }

  it('is refused when a delta is damaged, cut or for something longer', async () => {
    const base = utf8('0123456789abcdef0123456789ABCDEF');
    const good = deltaOf(base, concatBytes(base, utf8('more')));
    const damage = [
      good.subarray(0, good.length - 1),
      good.subarray(0, 3),
      new Uint8Array(0),
      concatBytes(good, utf8('x')),
      concatBytes(utf8('x'), good),
    ];
    for (const delta of damage) {
      await assert.rejects(patch(base, [delta]), (error) => hasCode(error, 'repository/damaged'));
    }
    const other = utf8('another end that is longer');
    const longer = deltaOf(concatBytes(base, other), other);
    await assert.rejects(patch(base, [good, longer]), (error) =>
      hasCode(error, 'repository/damaged'),
    );
    await assert.rejects(patch(base.subarray(0, 20), [good]), (error) =>
      hasCode(error, 'repository/damaged'),
    );
  });

  it('passes on what reading fails with', async () => {
    using store = new TemporaryStore(tmpdir());
    const failing: ContentReader = { read: () => Promise.reject(new Error('gone')) };
    await assert.rejects(PatchedContent.open(reader(utf8('a')), [failing], store), /gone/u);
    const delta = deltaOf(utf8('01234567'), utf8('01234567'));
    using content = await PatchedContent.open(failing, [reader(delta)], store);
    await assert.rejects(Array.fromAsync(content.stream()), /gone/u);
  });
});
