import type { Moment } from './collection-moment.ts';
import { collectorAt, collectorWord, oldChunks, readCollector, words } from './collection-state.ts';
import { wordAt } from './state-search.ts';

/** What a collector may do next. */
export function collectorSteps(moment: Moment, collector: number): void {
  const { lag } = moment.configuration;
  const base = moment.layout.firstCollector + 2 * collector;
  const { at, victims, repacks, live } = readCollector(wordAt(moment.state, base));
  const seen = wordAt(moment.state, base + 1);
  if (at === collectorAt.start) {
    chooseVictims(moment, collector);
  } else if (at === collectorAt.publishTombstone) {
    moment.next[words.tombstones + collector] = victims;
    collectorGoes(
      moment,
      collector,
      'publishes a tombstone for packs',
      victims,
      collectorAt.listSnapshots,
      victims,
      0,
      repacks,
      live,
    );
  } else if (at === collectorAt.listSnapshots) {
    // Waits until everybody can see its tombstone.
    if (
      moment.lagging &&
      lag !== 'nobody-waits' &&
      (moment.hidden >> (moment.layout.collectorBit + collector)) & 1
    )
      return;
    const used =
      moment.configuration.snapshotsListed === 'before-tombstone' ? live : usedChunks(moment);
    const liveNow = used & moment.layout.chunksIn(victims);
    const after = liveNow ? collectorAt.list : collectorAt.delete;
    collectorGoes(
      moment,
      collector,
      'lists snapshots, which use chunks',
      liveNow,
      after,
      victims,
      0,
      repacks,
      liveNow,
    );
  } else if (at === collectorAt.list) {
    const packsFirst = moment.configuration.secondCopy === 'not-doomed-packs-first';
    const listed = packsFirst ? moment.packs : moment.doomed | victims;
    collectorGoes(
      moment,
      collector,
      packsFirst ? 'lists packs' : 'lists tombstones, which name packs',
      listed,
      collectorAt.compare,
      victims,
      listed,
      repacks,
      live,
    );
  } else if (at === collectorAt.compare) {
    compare(moment, collector, victims, seen, repacks, live);
  } else if (at === collectorAt.copyAfterDeletion) {
    const pack = moment.layout.collectorPack(collector, repacks, seen);
    moment.next[words.packs] = moment.packs | (1 << pack);
    collectorGoes(
      moment,
      collector,
      'copies to pack',
      1 << pack,
      collectorAt.removeTombstone,
      victims,
      0,
      repacks + 1,
      0,
    );
  } else if (at === collectorAt.delete) {
    const pack = victims & -victims;
    const rest = victims & ~pack;
    moment.next[words.packs] = moment.packs & ~pack;
    if (moment.configuration.deletedPacksListed) moment.next[words.ghosts] = moment.ghosts | pack;
    collectorGoes(
      moment,
      collector,
      'deletes pack',
      pack,
      rest ? collectorAt.delete : collectorAt.removeTombstone,
      rest,
      0,
      repacks,
      0,
    );
  } else if (at === collectorAt.removeTombstone) {
    removeTombstone(moment, collector);
  }
}

/** Any pack may be a victim: why a collector finds it worth collecting is no part of the model. */
function chooseVictims(moment: Moment, collector: number): void {
  const { firstCollector, contents, collectorBit } = moment.layout;
  // Equal collectors start in order, as writers do.
  if (
    collector > 0 &&
    readCollector(wordAt(moment.state, firstCollector + 2 * collector - 2)).at === collectorAt.start
  )
    return;
  const single = contents
    .map((_, pack) => moment.packs & (1 << pack))
    .filter((victim) => victim !== 0);
  const pairs =
    moment.configuration.victims > 1
      ? single.flatMap((one) => single.filter((other) => one < other).map((other) => one | other))
      : [];
  for (const victims of [...single, ...pairs]) {
    if (moment.configuration.snapshotsListed === 'before-tombstone') {
      collectorGoes(
        moment,
        collector,
        'lists snapshots, then thinks of packs',
        victims,
        collectorAt.publishTombstone,
        victims,
        0,
        0,
        usedChunks(moment),
      );
      continue;
    }
    moment.next[words.tombstones + collector] = victims;
    if (moment.lagging)
      moment.next[words.hidden] = moment.hidden | (1 << (collectorBit + collector));
    collectorGoes(
      moment,
      collector,
      'publishes a tombstone for packs',
      victims,
      collectorAt.listSnapshots,
      victims,
      0,
      0,
      0,
    );
  }
}

/** The chunks of all snapshots that a listing shows, sealed or not. */
function usedChunks(moment: Moment): number {
  let used = wordAt(moment.state, words.oldSnapshot) ? oldChunks : 0;
  moment.configuration.needs.forEach((need, writer) => {
    if (((moment.finals & ~moment.hidden) >> writer) & 1) used |= need;
  });
  return used;
}

/** Is every live chunk of the victims in another pack that nobody dooms? If not, keep victims or copy the chunks. */
function compare(
  moment: Moment,
  collector: number,
  victims: number,
  seen: number,
  repacks: number,
  live: number,
): void {
  const { secondCopy, claims, repack } = moment.configuration;
  const { thiefPack, holding } = moment.layout;
  let safe = moment.packs & ~seen;
  if (secondCopy === 'any') safe = moment.packs & ~victims;
  if (secondCopy === 'not-doomed-packs-first') safe = seen & ~(moment.doomed | victims);
  if (claims === 'as-good') safe &= ~thiefPack;
  const missing = live & ~moment.layout.chunksIn(safe);
  if (!missing) {
    collectorGoes(
      moment,
      collector,
      'finds all live chunks elsewhere',
      0,
      collectorAt.delete,
      victims,
      0,
      repacks,
      live,
    );
    return;
  }
  const kept = (missing & 1 ? holding[0] : 0) | (missing & 2 ? holding[1] : 0);
  const rest = victims & ~kept;
  collectorGoes(
    moment,
    collector,
    'keeps packs',
    victims & kept,
    rest ? collectorAt.delete : collectorAt.removeTombstone,
    rest,
    0,
    repacks,
    0,
  );
  if (repacks >= moment.configuration.repacks) return;
  if (repack === 'delete-first') {
    moment.next[words.packs] = moment.packs & ~victims;
    collectorGoes(
      moment,
      collector,
      'deletes before it copies: packs',
      victims,
      collectorAt.copyAfterDeletion,
      victims,
      missing,
      repacks,
      live,
    );
    return;
  }
  const pack = moment.layout.collectorPack(collector, repacks, missing);
  const after = repack === 'copy' ? collectorAt.delete : collectorAt.list;
  moment.next[words.packs] = moment.packs | (1 << pack);
  collectorGoes(
    moment,
    collector,
    'copies live chunks to pack',
    1 << pack,
    after,
    victims,
    0,
    repacks + 1,
    live,
  );
}

function removeTombstone(moment: Moment, collector: number): void {
  const own = wordAt(moment.state, words.tombstones + collector);
  if (moment.configuration.sharedTombstones) {
    for (let other = 0; other < moment.layout.collectors; other++) {
      moment.next[words.tombstones + other] = wordAt(moment.state, words.tombstones + other) & ~own;
    }
  }
  moment.next[words.tombstones + collector] = 0;
  moment.next[words.hidden] = moment.hidden & ~(1 << (moment.layout.collectorBit + collector));
  collectorGoes(moment, collector, 'removes its tombstone', 0, collectorAt.done, 0, 0, 0, 0);
}

function collectorGoes(
  moment: Moment,
  collector: number,
  step: string,
  packs: number,
  at: number,
  victims: number,
  seen: number,
  repacks: number,
  live: number,
): void {
  const base = moment.layout.firstCollector + 2 * collector;
  moment.next[base] = collectorWord(at, victims, repacks, live);
  moment.next[base + 1] = seen;
  moment.found(`collector ${collector}`, step, packs);
}
