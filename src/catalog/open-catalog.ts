import type { CallOptions } from '../base/call-options.ts';
import type { Clock } from '../base/clock.ts';
import type { Secret } from '../base/secret.ts';
import type { Catalog } from './catalog.ts';
import type { CatalogKey, CatalogKeySource } from './catalog-key.ts';
import type { SealHolder } from './seal-holder.ts';
import type { SqlDatabase } from './sql-database.ts';

/** A file of SQLite, or `postgresql://user:password@host/database`. */
export type CatalogLocation = { readonly file: string } | { readonly url: Secret };

export interface OpenCatalogOptions extends CallOptions {
  readonly location: CatalogLocation;
  /** What secrets are encrypted with. */
  readonly key: CatalogKey | CatalogKeySource;
  readonly clock: Clock;
}

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

/**
 * Opens a catalog, or makes it, and brings it to the newest version. The libraries of a database are loaded only here.
 *
 * @throws AppError `catalog/unavailable` when the database cannot be reached or written, `catalog/unusable` when it is damaged or of a newer
 *   version, `catalog/locked-out` when the key does not fit, `input/invalid` for a URL that is none
 */
export async function openCatalog({
  location,
  key,
  clock,
  signal,
}: OpenCatalogOptions): Promise<OpenedCatalog> {
  const { createSqlCatalog } = await import('./sql-catalog.ts');
  if ('file' in location) {
    const { openSqlite } = await import('./sqlite/open-sqlite.ts');
    return createSqlCatalog(await openSqlite(location.file, { clock, signal }), key, clock);
  }
  const { openPostgres } = await import('./postgresql/open-postgres.ts');
  return createSqlCatalog(await openPostgres(location.url, { clock, signal }), key, clock);
}
