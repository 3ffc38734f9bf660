import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import type { Storage } from '../../../storage/storage.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';

/** The certificates of one host as they lie in the storage. */
export interface StoredCertificate {
  /** All of them, the largest number first. */
  readonly names: readonly string[];
  /** The bytes of the first; `undefined` if it was removed since it was listed. */
  readonly newest: Uint8Array | undefined;
}

export type StoredCertificates = readonly StoredCertificate[];

/** Lists the certificates of all hosts and reads the newest of each; whether they are valid is told by the keys of the repository. */
export async function readCertificates(
  storage: Storage,
  options: CallOptions = {},
): Promise<StoredCertificates> {
  const hosts = await listCertificates(storage, options);
  const atOnce = Math.max(1, storage.capabilities.concurrency);
  const read = mapPool(
    hosts,
    atOnce,
    async (names, call) => ({ names, newest: await readIfThere(storage, names[0] ?? '', call) }),
    options,
  );
  return Array.fromAsync(read);
}

/** The names of each host's certificates, largest number first. */
async function listCertificates(storage: Storage, options: CallOptions): Promise<string[][]> {
  const found = new Map<string, { name: string; number: number }[]>();
  for await (const { name } of storage.list(objectPrefixes.host, options)) {
    const parsed = parseObjectName(name);
    if (parsed?.type !== 'host') continue;
    const list = found.get(parsed.id) ?? [];
    list.push({ name, number: parsed.number });
    found.set(parsed.id, list);
  }
  return [...found.values()].map((list) =>
    list.toSorted((left, right) => right.number - left.number).map(({ name }) => name),
  );
}

async function readIfThere(
  storage: Storage,
  name: string,
  options: CallOptions,
): Promise<Uint8Array | undefined> {
  try {
    return await storage.read(name, options);
  } catch (error) {
    if (hasCode(error, 'storage/not-found')) return undefined;
    throw error;
  }
}
