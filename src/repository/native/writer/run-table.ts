import type { CallOptions } from '../../../base/call-options.ts';
import type { AppError } from '../../../base/errors.ts';
import type { Access } from '../access.ts';
import { idSize } from '../content/content-list.ts';
import { BlobTable } from '../index/blob-table.ts';
import { loadIndex, type ListedPack } from '../index/index-list.ts';
import { listTombstones } from '../index/tombstone-list.ts';
import { listVerdicts, type Verdicts } from '../index/verdict-list.ts';
import { visitTableBlobs } from '../packs/pack-table.ts';

/** A pack that this run may rely on. */
export interface KnownPack {
  /** In hexadecimal. */
  readonly name: string;
  readonly size: number;
}

export interface RunTable {
  readonly table: BlobTable;
  /** By their numbers in the table. */
  readonly packs: readonly KnownPack[];
  /** Index objects that could not be read. */
  readonly damaged: readonly AppError[];
}

export interface RunTableOptions extends CallOptions {
  /** Packs that are known to be gone, whatever the index says. */
  readonly without?: ReadonlySet<string>;
}

/**
 * What this run counts as stored (W2): the index first, then the tombstones. Left out are packs that a tombstone names, that have a bad verdict, or that the
 * repository's rule does not trust.
 */
export async function openRunTable(
  access: Access,
  { without = new Set(), ...options }: RunTableOptions = {},
): Promise<RunTable> {
  const [index, verdicts] = await Promise.all([
    loadIndex(access, options),
    listVerdicts(access, options),
  ]);
  const doomed = await listTombstones(access, options);
  const packs = [...index.packs.values()].filter(
    (pack) =>
      !doomed.packs.has(pack.name) && !without.has(pack.name) && isTrusted(access, pack, verdicts),
  );
  // Every blob takes at least its id and one byte of length: an upper bound without decoding.
  let blobs = 0;
  for (const { head } of packs) blobs += Math.floor(head.segmentBytes.length / (idSize + 1));
  const table = BlobTable.allocate(blobs, packs.length);
  for (const [number, { head }] of packs.entries()) {
    visitTableBlobs(head, (bytes, offset, ordinal) => {
      table.addKnown(bytes, offset, number, ordinal);
    });
  }
  return {
    table,
    packs: packs.map(({ name, size }) => ({ name, size })),
    damaged: index.damaged,
  };
}

/** The rule of the settings (native-format section 11): bad packs never; packs of revoked hosts, and of others under `audited`, only with a good verdict. */
function isTrusted(access: Access, pack: ListedPack, verdicts: Verdicts): boolean {
  if (verdicts.isBad(pack)) return false;
  if (verdicts.isGood(pack)) return true;
  const signer = access.verifying.findSigner(pack.signer);
  if (signer === undefined || signer.state === 'revoked') return false;
  return access.settings.trust === 'all' || pack.signer === access.hostId;
}
