import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import fc from 'fast-check';

import type { ClaimWork } from '#test/support/claim-worker.ts';

import { BlobTable } from './blob-table.ts';

function idOf(number: number): Uint8Array {
  return createHash('sha256').update(String(number)).digest();
}

interface Place {
  readonly pack: number;
  readonly ordinal: number;
  used: boolean;
}

/** What the table should say, in the plainest way. */
class PlainTable {
  readonly known = new Map<number, Place[]>();
  readonly fresh = new Map<number, Place[]>();
  readonly struck = new Set<number>();
  readonly relied = new Set<number>();

  find(id: number): Place | undefined {
    for (const places of [this.fresh.get(id), this.known.get(id)]) {
      const place = places?.find(({ pack }) => !this.struck.has(pack));
      if (place !== undefined) return place;
    }
    return undefined;
  }
}

function placeIn(places: Map<number, Place[]>, id: number, place: Place): void {
  const all = places.get(id);
  if (all === undefined) places.set(id, [place]);
  else all.push(place);
}

const commands = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('claim' as const), id: fc.nat(60) }),
    fc.record({ kind: fc.constant('use' as const), id: fc.nat(60) }),
    fc.record({ kind: fc.constant('find' as const), id: fc.nat(60) }),
    fc.record({ kind: fc.constant('mark' as const), id: fc.nat(60) }),
    fc.record({ kind: fc.constant('open' as const), id: fc.constant(0) }),
    fc.record({ kind: fc.constant('strike' as const), id: fc.nat(9) }),
  ),
  { maxLength: 120 },
);

describe('blob table', () => {
  test('says what a plain map says, over random histories', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(60), fc.nat(3)), { maxLength: 60 }),
        commands,
        (knownBlobs, history) => {
          const table = BlobTable.allocate(knownBlobs.length, 4);
          const plain = new PlainTable();
          for (const [ordinal, [id, pack]] of knownBlobs.entries()) {
            const isNew = plain.find(id) === undefined;
            assert.equal(table.addKnown(idOf(id), 0, pack, ordinal), isNew);
            if (isNew) placeIn(plain.known, id, { pack, ordinal, used: false });
          }
          let pack = table.openPack();
          assert.equal(pack, 4);
          let ordinal = 0;
          for (const { kind, id } of history) {
            const place = plain.find(id);
            switch (kind) {
              case 'open':
                assert.equal(table.openPack(), ++pack);
                ordinal = 0;
                break;
              case 'strike':
                // Only packs of the index, and those that are complete, are ever struck.
                if (id >= pack) break;
                table.strike(id);
                plain.struck.add(id);
                plain.relied.delete(id);
                break;
              case 'use':
                assert.deepEqual(
                  table.use(idOf(id)),
                  place && { pack: place.pack, ordinal: place.ordinal },
                );
                if (place !== undefined) {
                  place.used = true;
                  plain.relied.add(place.pack);
                }
                break;
              case 'find':
                assert.deepEqual(table.find(idOf(id)), place);
                break;
              case 'mark':
                assert.deepEqual(table.mark(idOf(id)), place && { ...place });
                if (place !== undefined) place.used = true;
                break;
              case 'claim':
                if (table.use(idOf(id)) !== undefined) {
                  place!.used = true;
                  plain.relied.add(place!.pack);
                  break;
                }
                assert.equal(place, undefined);
                assert.equal(table.claim(idOf(id), pack, ordinal), true);
                placeIn(plain.fresh, id, { pack, ordinal, used: true });
                plain.relied.add(pack);
                ordinal++;
                break;
            }
          }
          assert.equal(table.packCount, pack + 1);
          for (let number = 0; number <= pack; number++) {
            assert.equal(table.isStruck(number), plain.struck.has(number));
            assert.equal(table.isRelied(number), plain.relied.has(number), `pack ${number}`);
            const used: number[] = [];
            table.usedIn(number, (found) => used.push(found));
            const expected = [...plain.known.values(), ...plain.fresh.values()]
              .flat()
              .filter((place) => place.pack === number && place.used)
              .map((place) => place.ordinal);
            const byOrdinal = (a: number, b: number): number => a - b;
            assert.deepEqual(used.toSorted(byOrdinal), expected.toSorted(byOrdinal));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('what was claimed can be moved, and nothing else', () => {
    const table = BlobTable.allocate(1, 1);
    const [known, mine, other] = [randomBytes(32), randomBytes(32), randomBytes(32)];
    table.addKnown(known, 0, 0, 3);
    const [first, second] = [table.openPack(), table.openPack()];
    assert.ok(table.claim(mine, first, 5));
    assert.ok(table.claim(other, first, 6));
    table.move(mine, first, second, 0);
    assert.deepEqual(table.find(mine), { pack: second, ordinal: 0, used: true });
    assert.deepEqual(table.find(other), { pack: first, ordinal: 6, used: true });
    assert.ok(table.isRelied(second));
    assert.throws(() => table.move(mine, first, second, 1), RangeError);
    assert.throws(() => table.move(known, 3, second, 1), RangeError);
    // What takes the old pack out leaves it, and what takes the new one out does not.
    table.strike(first);
    assert.equal(table.use(other), undefined);
    assert.deepEqual(table.use(mine), { pack: second, ordinal: 0 });
    table.strike(second);
    assert.equal(table.use(mine), undefined);
  });

  test('a second view of the same memory sees everything', () => {
    const table = BlobTable.allocate(10, 1);
    const other = new BlobTable(table.memory);
    table.addKnown(idOf(1), 0, 0, 7);
    assert.deepEqual(other.use(idOf(1)), { pack: 0, ordinal: 7 });
    assert.ok(table.isRelied(0));
    const pack = other.openPack();
    assert.ok(other.claim(idOf(2), pack, 3));
    assert.deepEqual(table.find(idOf(2)), { pack, ordinal: 3, used: true });
  });

  test('ids stand anywhere in larger arrays', () => {
    const table = BlobTable.allocate(10, 1);
    const all = Buffer.concat([idOf(1), idOf(2), idOf(3)]);
    assert.ok(table.addKnown(all, 32, 0, 5));
    assert.equal(table.use(all, 0), undefined);
    assert.deepEqual(table.use(all, 32), { pack: 0, ordinal: 5 });
    assert.equal(table.find(all, 64), undefined);
  });

  test('half a million fresh blobs grow the table in place and cost little more than 32 bytes each', () => {
    const count = 500_000;
    const table = BlobTable.allocate(0, 0);
    const id = new Uint8Array(32);
    const words = new Uint32Array(id.buffer);
    const set = (number: number): void => {
      // Spread like hashes, and made faster than one.
      words[0] = Math.imul(number + 1, 2654435761);
      words[1] = number;
      words[2] = ~number;
    };
    let pack = table.openPack();
    for (let number = 0; number < count; number++) {
      if (number % 1000 === 999) pack = table.openPack();
      set(number);
      if (table.use(id) !== undefined || !table.claim(id, pack, number % 1000)) {
        assert.fail(`blob ${number} is there already`);
      }
    }
    for (let number = 0; number < count; number += 997) {
      set(number);
      assert.equal(table.find(id)?.ordinal, number % 1000);
    }
    set(count);
    assert.equal(table.find(id), undefined);
    const bytes = table.memory.fresh.byteLength;
    assert.ok(bytes / count <= 34, `${bytes / count} bytes a fresh blob`);
  });

  test('known blobs cost at most 32 bytes each', () => {
    const table = BlobTable.allocate(1_000_000, 100);
    assert.ok(table.memory.known.byteLength <= 32_000_000, `${table.memory.known.byteLength}`);
  });

  test('many packs', () => {
    const table = BlobTable.allocate(0, 3);
    for (let number = 3; number < 150_000; number++) {
      assert.equal(table.openPack(), number);
      table.rely(number);
    }
    assert.ok(table.isRelied(149_999));
    assert.equal(table.packCount, 150_000);
  });

  test('threads that claim the same ids at once leave every id with one of its claims', async () => {
    const unique = 120_000;
    const ids = randomBytes(unique * 32);
    const table = BlobTable.allocate(0, 0);
    const orders = [0, 1, 2, 3].map((turn) => {
      // Each thread takes all ids, from another start and in runs, so that they meet often.
      const start = turn === 3 ? 0 : turn * 977 * 32;
      return Buffer.concat([ids.subarray(start), ids.subarray(0, start)]);
    });
    const results = await Promise.all(
      orders.map(async (order): Promise<Int32Array> => {
        const workerData: ClaimWork = { table: table.memory, ids: order, packSize: 500 };
        const worker = new Worker(new URL(import.meta.resolve('#test/support/claim-worker.ts')), {
          workerData,
        });
        const [places] = (await once(worker, 'message')) as [Int32Array];
        return places;
      }),
    );
    const claims = new Map<string, string[]>();
    const taken = new Set<string>();
    for (const [turn, places] of results.entries()) {
      for (let index = 0; index < unique; index++) {
        if (places[index * 2] === -1) continue;
        const place = `${places[index * 2]}:${places[index * 2 + 1]}`;
        assert.ok(!taken.has(place), `two blobs at ${place}`);
        taken.add(place);
        const id = orders[turn]!.subarray(index * 32, (index + 1) * 32).toString('hex');
        claims.set(id, [...(claims.get(id) ?? []), place]);
      }
    }
    let copies = 0;
    for (let index = 0; index < unique; index++) {
      const id = ids.subarray(index * 32, (index + 1) * 32);
      const found = table.find(id);
      const places = claims.get(id.toString('hex')) ?? [];
      assert.ok(found !== undefined && places.includes(`${found.pack}:${found.ordinal}`));
      assert.ok(table.isRelied(found.pack));
      copies += places.length - 1;
    }
    // A second copy is allowed when two were at it in the same moment, not more often.
    assert.ok(copies < unique / 100, `${copies} copies`);
  });
});
