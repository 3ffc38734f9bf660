import type { CollectionConfiguration } from './collection-configuration.ts';
import { CollectionLayout, doomedFinals, doomedPacks, words } from './collection-state.ts';
import { type Found, wordAt } from './state-search.ts';

/**
 * A state whose successors are being made, taken apart so that not every rule has to do it again.
 *
 * A rule writes what changes into `next` and calls `found`, after which `next` is as `state` again.
 */
export class Moment {
  readonly configuration: CollectionConfiguration;
  readonly layout: CollectionLayout;
  /** Whether listings may show new objects late. */
  readonly lagging: boolean;
  state: Int32Array = new Int32Array();
  next: Int32Array = new Int32Array();
  found: Found = () => undefined;
  packs = 0;
  finals = 0;
  seals = 0;
  hidden = 0;
  ghosts = 0;
  /** Packs, and writers whose finals, a listing of tombstones names. */
  doomed = 0;
  doomedFinals = 0;

  constructor(configuration: CollectionConfiguration) {
    this.configuration = configuration;
    this.layout = new CollectionLayout(configuration);
    this.lagging = configuration.lag !== 'none';
  }

  moveTo(state: Int32Array, next: Int32Array, found: Found): void {
    this.state = state;
    this.next = next;
    this.found = found;
    this.packs = wordAt(state, words.packs);
    this.finals = wordAt(state, words.finals);
    this.seals = wordAt(state, words.seals);
    this.hidden = wordAt(state, words.hidden);
    this.ghosts = wordAt(state, words.ghosts);
    this.doomed = doomedPacks(state, this.layout);
    this.doomedFinals = doomedFinals(state, this.layout);
  }
}
