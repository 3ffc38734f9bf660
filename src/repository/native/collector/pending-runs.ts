import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import type { Access } from '../access.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import { decodePending } from '../objects/pending.ts';
import type { ListedSeal } from '../reader/seal-sequence.ts';

/** A run that has not renewed its record for so long is taken for dead, in milliseconds. Any value is safe: it only saves storing things twice. */
export const pendingLifetime = 7 * 24 * 60 * 60 * 1000;

/** A run as its pending records show it. */
export interface PendingRun {
  readonly runId: string;
  /** Who signed the records. */
  readonly hostId: string;
  /** When it last gave a sign of life, milliseconds since 1970, by the storage's time where it has one. */
  readonly renewed: number;
  /** It published a seal: it is over. */
  readonly sealed: boolean;
  /** It may still be at work, so its packs are spared. */
  readonly live: boolean;
  /** Object names of its records. */
  readonly records: readonly string[];
}

/** All runs with pending records, by run id. Records that cannot be read spare nothing. */
export async function listPendingRuns(
  access: Access,
  seals: readonly ListedSeal[],
  options: CallOptions = {},
): Promise<Map<string, PendingRun>> {
  const { storage, verifying, clock } = access;
  const sealedRuns = new Set(seals.map(({ value }) => value.runId));
  const runs = new Map<string, PendingRun>();
  const read = mapPool(
    storage.list(objectPrefixes.pending, options),
    storage.capabilities.concurrency,
    async ({ name, modified }, call) => {
      if (parseObjectName(name)?.type !== 'pending') return undefined;
      try {
        const { value, signer } = decodePending(name, await storage.read(name, call), verifying);
        return { name, value, signer, time: modified ?? value.time ?? 0 };
      } catch (error) {
        if (!hasCode(error, 'storage/not-found', 'repository/damaged')) throw error;
        return undefined;
      }
    },
    options,
  );
  for await (const record of read) {
    if (record === undefined) continue;
    const { runId } = record.value;
    const known = runs.get(runId);
    const renewed = Math.max(record.time, known?.renewed ?? 0);
    const sealed = sealedRuns.has(runId);
    runs.set(runId, {
      runId,
      hostId: record.signer.id,
      renewed,
      sealed,
      live: !sealed && clock.now() - renewed < pendingLifetime,
      records: [...(known?.records ?? []), record.name],
    });
  }
  return runs;
}
