import type { CallOptions } from '../../base/call-options.ts';
import { mapPool } from '../../base/pool.ts';
import type { Storage } from '../../storage/storage.ts';
import { readCertificates, type StoredCertificates } from './hosts/stored-certificates.ts';
import { objectPrefixes, parseObjectName } from './objects/object-name.ts';
import type { NamedObject } from './objects/signed-object.ts';

/** What has to be read to open a repository and says nothing without its keys. */
export interface ReadAhead {
  readonly certificates: Promise<StoredCertificates>;
  readonly settings: Promise<readonly NamedObject[]>;
}

/** Begins to read, while the keys are derived: over a slow line it takes as long. */
export function readAhead(storage: Storage, options: CallOptions = {}): ReadAhead {
  const certificates = readCertificates(storage, options);
  const settings = readSettings(storage, options);
  // Nobody waits for them when the keys do not open.
  for (const reading of [certificates, settings]) reading.catch(() => undefined);
  return { certificates, settings };
}

/** All settings objects, not verified yet. One that cannot be read is an error: it might forbid what is about to be done. */
async function readSettings(storage: Storage, options: CallOptions): Promise<NamedObject[]> {
  const read = mapPool(
    storage.list(objectPrefixes.settings, options),
    storage.capabilities.concurrency,
    async ({ name }, call) =>
      parseObjectName(name)?.type === 'settings'
        ? [{ name, bytes: await storage.read(name, call) }]
        : [],
    options,
  );
  return (await Array.fromAsync(read)).flat();
}
