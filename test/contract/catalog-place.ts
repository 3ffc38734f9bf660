import type { Clock } from '../../src/base/clock.ts';
import { CatalogKey } from '../../src/catalog/catalog-key.ts';
import { type CatalogLocation, openCatalog } from '../../src/catalog/open-catalog.ts';
import type { OpenedCatalog } from '../../src/catalog/opened-catalog.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A database for one test, empty at first; it goes at the end of the block. */
export interface CatalogPlace extends AsyncDisposable {
  readonly location: CatalogLocation;
  /** As it is given to other processes. */
  readonly address: string;
}

/** Random, but the same for all tests. */
export const sampleKey = new CatalogKey('c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlLi4=');

export type MakePlace = () => Promise<CatalogPlace>;

/** Opens the catalog of a place, each time as another process would. */
export function openPlace(
  { location }: CatalogPlace,
  {
    key = sampleKey,
    clock = new FakeClock(),
  }: { readonly key?: CatalogKey; readonly clock?: Clock } = {},
): Promise<OpenedCatalog> {
  return openCatalog({ location, key, clock });
}
