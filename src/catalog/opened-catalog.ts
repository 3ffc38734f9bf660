import type { CallOptions } from '../base/call-options.ts';
import type { Catalog } from './catalog.ts';
import type { CatalogKey } from './catalog-key.ts';
import type { SealHolder } from './seal-holder.ts';
import type { SqlDatabase } from './sql-database.ts';

/** A catalog, with what only its upkeep needs. */
export interface OpenedCatalog extends Catalog {
  readonly kind: 'sqlite' | 'postgresql';
  /** Encrypts everything anew. Other processes that have it open can do nothing with its secrets afterwards. */
  changeKey(key: CatalogKey, options?: CallOptions): Promise<void>;
  info(options?: CallOptions): Promise<CatalogInfo>;
  /** What it is made of, for `copyCatalog`. */
  readonly parts: { readonly database: SqlDatabase; readonly seals: SealHolder };
}

/** How much is in a catalog. */
export interface CatalogInfo {
  /** Of its tables. */
  readonly version: number;
  readonly jobs: number;
  readonly destinations: number;
  readonly channels: number;
  readonly schedules: number;
  readonly runs: number;
  readonly queued: number;
  readonly running: number;
  /** What has to be told and was not yet. */
  readonly unsent: number;
  /** What could not be told. */
  readonly givenUp: number;
  /** What has to be put right. */
  readonly journal: number;
}
