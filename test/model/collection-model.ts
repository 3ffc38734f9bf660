/**
 * Exhaustive search for a way to lose data with the protocol of docs/formats/native.md, section "Commit and collection".
 *
 * The model has two chunks, which lie together in one pack at the start; writers whose index may be stale and name dead
 * packs; checks that are not atomic (tombstones, then every pack, each a step of its own); repacking of partly live packs;
 * dropping one of two copies; an old snapshot, parent of the writers, that may be forgotten at any moment; orphan packs of
 * interrupted runs; abandoned finals that somebody reaps; repeated uploads; listings that lag; and a thief's pack. Any
 * process may never move again, which is a crash, a suspension and an unplugged cable at once.
 *
 * Promises: a visible snapshot (final and seal exist, not forgotten) has every chunk in an existing pack, and a run that
 * reported success has its final and its seal until it is forgotten. Pending records only keep a collector from starting,
 * so every history with them is one of these, and there are none here. No loss within these bounds is no proof beyond.
 *
 *     node test/model/collection-model.ts             searches all variants, about ten seconds
 *     node test/model/collection-model.ts trace NAME  a shortest counterexample of each variant whose name contains NAME
 */
import { type CollectionConfiguration, wholeProtocol } from './collection-configuration.ts';
import { CollectionProtocol } from './collection-protocol.ts';
import { type Variant, runVariants } from './variant.ts';

type Change = Partial<CollectionConfiguration>;

function variant(name: string, loses: boolean, states: number, change: Change): Variant {
  return {
    name,
    loses,
    states,
    model: () => new CollectionProtocol({ ...wholeProtocol, ...change }),
  };
}

/** The whole protocol, with several bounds. */
const protocol: readonly Variant[] = [
  variant('protocol: 1 writer (both chunks), 2 collectors', false, 127_569, { needs: [3] }),
  variant('protocol: 1 writer (one chunk), 3 collectors', false, 1_641_885, {
    needs: [1],
    collectors: 3,
    uploads: 1,
  }),
  variant('protocol: 2 writers (both chunks each), 1 collector', false, 204_789, { collectors: 1 }),
  variant('protocol: 2 writers (the same chunk), 2 collectors', false, 1_505_378, {
    needs: [1, 1],
  }),
  variant('protocol: 2 writers (a chunk each), 2 collectors', false, 981_951, {
    needs: [1, 2],
    uploads: 1,
  }),
  variant('protocol: 1 writer, 2 collectors, 1 reaper', false, 779_672, { needs: [3], reapers: 1 }),
  variant('protocol: 2 writers (the same chunk), 1 collector, 1 reaper', false, 266_393, {
    needs: [1, 1],
    collectors: 1,
    reapers: 1,
  }),
  variant('protocol: 1 writer (one chunk), 2 collectors, two victims a tombstone', false, 80_584, {
    needs: [1],
    victims: 2,
    uploads: 1,
  }),
  variant(
    'protocol: 1 writer (both chunks), 2 collectors, two victims a tombstone',
    false,
    429_433,
    { needs: [3], victims: 2 },
  ),
  variant(
    'protocol: 2 writers (both chunks each), 2 collectors, nothing missing at first',
    false,
    1_832_580,
    { uploads: 1, gapsInIndex: false },
  ),
  variant('protocol: a thief claims the same chunks', false, 2635, {
    needs: [3],
    thief: true,
    collectors: 1,
  }),
  variant('protocol: uploads repeated under the same name', false, 137_923, {
    needs: [3],
    repeatedUploads: true,
  }),
  variant('protocol: lagging listings, both sides wait', false, 170_531, {
    needs: [3],
    lag: 'all-wait',
  }),
  variant('protocol: lagging listings, both sides wait, 1 reaper', false, 384_227, {
    needs: [1],
    lag: 'all-wait',
    reapers: 1,
  }),
];

/** One defence taken out. That this loses data is why the defence is there. */
const ablations: readonly Variant[] = [
  variant('without a defence: packs looked for before tombstones', true, 19_667, {
    needs: [3],
    firstLook: 'packs',
  }),
  variant('without a defence: no look for tombstones after the final', true, 11_931, {
    needs: [3],
    looksForTombstones: false,
  }),
  variant('without a defence: no look for packs after the final', true, 23_880, {
    needs: [3],
    looksForPacks: false,
  }),
  variant('without a defence: check before the final instead of after it', true, 20_705, {
    needs: [3],
    check: 'before-final',
  }),
  variant('without a defence: chunks of unchanged directories not checked', true, 15_621, {
    needs: [3],
    unchangedChecked: false,
  }),
  variant('without a defence: snapshots listed before the tombstone', true, 21_999, {
    needs: [3],
    snapshotsListed: 'before-tombstone',
  }),
  variant('without a defence: a doomed pack counts as a second copy', true, 26_536, {
    needs: [3],
    secondCopy: 'any',
  }),
  variant('without a defence: second copy looked for before tombstones', true, 55_571, {
    needs: [3],
    secondCopy: 'not-doomed-packs-first',
  }),
  variant('without a defence: any claim counts as a second copy', true, 401, {
    needs: [3],
    thief: true,
    collectors: 1,
    claims: 'any',
  }),
  variant('without a defence: repacking deletes before it copies', true, 294, {
    needs: [3],
    repack: 'delete-first',
  }),
  variant('without a defence: tombstones shared between collectors', true, 25_324, {
    needs: [1],
    sharedTombstones: true,
  }),
  variant('without a defence: tombstones of others removed at any time', true, 23_819, {
    needs: [1],
    foreignTombstones: 'removed-any-time',
  }),
  variant(
    'without a defence: tombstones of others removed when the pack is gone, uploads repeated',
    true,
    5201,
    {
      needs: [1],
      oldPack: false,
      foreignTombstones: 'removed-when-packs-gone',
      repeatedUploads: true,
    },
  ),
  variant('without a defence: abandoned final deleted without a tombstone', true, 30_249, {
    needs: [3],
    reapers: 1,
    reaping: 'no-tombstone',
  }),
  variant('without a defence: no look for the final after the seal', true, 54_333, {
    needs: [3],
    reapers: 1,
    reaping: 'no-look-after-seal',
  }),
  variant('without a defence: lagging listings, nobody waits', true, 40_141, {
    needs: [3],
    lag: 'nobody-waits',
  }),
  variant('without a defence: lagging listings, nobody waits after the seal', true, 26_710, {
    needs: [1],
    reapers: 1,
    lag: 'nobody-waits-after-seal',
  }),
  variant('without a defence: listings still show deleted packs', true, 2167, {
    needs: [3],
    collectors: 1,
    deletedPacksListed: true,
  }),
];

/** Steps that turned out not to be needed within these bounds; the protocol has them nevertheless. */
const experiments: readonly Variant[] = [
  variant('experiment: new pack of a repacking not looked at again', false, 73_055, {
    needs: [3],
    repack: 'copy',
  }),
  variant(
    'experiment: tombstones of others removed when the pack is gone, no repeats',
    false,
    6970,
    { needs: [1], oldPack: false, foreignTombstones: 'removed-when-packs-gone' },
  ),
];

/** All searches over the collection protocol. */
export const collectionVariants: readonly Variant[] = [...protocol, ...ablations, ...experiments];

if (import.meta.main) runVariants(collectionVariants, process.argv.slice(2));
