import type { CallOptions } from '../base/call-options.ts';
import type { Clock } from '../base/clock.ts';
import type { Secret } from '../base/secret.ts';
import type { CatalogKey, CatalogKeySource } from './catalog-key.ts';
import type { OpenedCatalog } from './opened-catalog.ts';

/** A file of SQLite, or `postgresql://user:password@host/database`. */
export type CatalogLocation = { readonly file: string } | { readonly url: Secret };

export interface OpenCatalogOptions extends CallOptions {
  readonly location: CatalogLocation;
  /** What secrets are encrypted with. */
  readonly key: CatalogKey | CatalogKeySource;
  readonly clock: Clock;
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
