import { collectorSteps } from './collection-collector.ts';
import type { CollectionConfiguration } from './collection-configuration.ts';
import { Moment } from './collection-moment.ts';
import { reaperSteps } from './collection-reaper.ts';
import {
  none,
  oldChunks,
  readWriter,
  reaperAt,
  reaperWord,
  words,
  writerAt,
  writerWord,
} from './collection-state.ts';
import { writerSteps } from './collection-writer.ts';
import { type Found, type Model, wordAt } from './state-search.ts';

/** Writers, collectors and reapers on one storage, of which any may take its next step at any time. */
export class CollectionProtocol implements Model {
  readonly words: number;
  readonly #moment: Moment;

  constructor(configuration: CollectionConfiguration) {
    this.#moment = new Moment(configuration);
    this.words = this.#moment.layout.words;
  }

  start(state: Int32Array): void {
    const { oldPack } = this.#moment.configuration;
    const { thiefPack, writers, firstWriter, reapers, firstReaper } = this.#moment.layout;
    state[words.packs] = (oldPack ? 1 : 0) | thiefPack;
    state[words.oldSnapshot] = oldPack ? 1 : 0;
    state.fill(writerWord(writerAt.start, none, none, 0), firstWriter, firstWriter + writers);
    state.fill(reaperWord(reaperAt.start, none), firstReaper, firstReaper + reapers);
  }

  violation(state: Int32Array): string | undefined {
    const { configuration, layout } = this.#moment;
    const stored = layout.chunksIn(wordAt(state, words.packs) & ~layout.thiefPack);
    if (wordAt(state, words.oldSnapshot) && oldChunks & ~stored)
      return 'the old snapshot lost a chunk';
    const visible = wordAt(state, words.finals) & wordAt(state, words.seals);
    for (let writer = 0; writer < layout.writers; writer++) {
      const isVisible = (visible >> writer) & 1;
      if (isVisible && (configuration.needs[writer] ?? 0) & ~stored)
        return `the snapshot of writer ${writer} lost a chunk`;
      const { at } = readWriter(wordAt(state, layout.firstWriter + writer));
      if (at === writerAt.succeeded && !isVisible)
        return `writer ${writer} reported success, and its snapshot is gone`;
    }
    return undefined;
  }

  successors(state: Int32Array, next: Int32Array, found: Found): void {
    const moment = this.#moment;
    moment.moveTo(state, next, found);
    otherSteps(moment);
    for (let writer = 0; writer < moment.layout.writers; writer++) writerSteps(moment, writer);
    for (let collector = 0; collector < moment.layout.collectors; collector++)
      collectorSteps(moment, collector);
    for (let reaper = 0; reaper < moment.layout.reapers; reaper++) reaperSteps(moment, reaper);
  }
}

/** What happens without a process of the model: forgetting, listings that catch up, tombstones cleared by somebody. */
function otherSteps(moment: Moment): void {
  if (wordAt(moment.state, words.oldSnapshot)) {
    moment.next[words.oldSnapshot] = 0;
    moment.found('the old snapshot', 'is forgotten');
  }
  for (let bit = 0; bit < moment.layout.hiddenBits; bit++) {
    if (!((moment.hidden >> bit) & 1)) continue;
    moment.next[words.hidden] = moment.hidden & ~(1 << bit);
    moment.found('listing', 'catches up with object', 1 << bit);
  }
  if (moment.ghosts) {
    moment.next[words.ghosts] = 0;
    moment.found('listing', 'drops deleted packs', moment.ghosts);
  }
  const { foreignTombstones } = moment.configuration;
  if (foreignTombstones === 'kept') return;
  for (let collector = 0; collector < moment.layout.collectors; collector++) {
    const tombstone = wordAt(moment.state, words.tombstones + collector);
    if (!tombstone || (foreignTombstones === 'removed-when-packs-gone' && moment.packs & tombstone))
      continue;
    moment.next[words.tombstones + collector] = 0;
    moment.found('somebody', 'removes the tombstone of collector', 1 << collector);
  }
}
