/** Compares what manifests list with the volumes that are there: a lost volume is found now, not when it is needed. */
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { firstCutOff, type Manifest } from '../manifest/manifest.ts';
import type { BackupSet } from './backup-set.ts';
import { type Collection, missingNumbers } from './collection.ts';
import type { Finding } from './finding.ts';

/**
 * All findings of a collection, those of its manifests included. Reads the manifest of every complete set, one after the other.
 *
 * @param manifestOf - such as `DuplicityArchive.manifestOf`
 * @throws what `manifestOf` throws, unless it is about one damaged or vanished file: that is a finding
 */
export async function crossCheck(
  { chains, orphaned, findings }: Collection,
  manifestOf: (set: BackupSet, options: CallOptions) => Promise<Manifest>,
  options: CallOptions = {},
): Promise<Finding[]> {
  const found = findings.filter(({ kind }) => kind !== 'missing-volumes');
  const sets = [...chains.flatMap((chain) => [...chain.sets, ...chain.superseded]), ...orphaned];
  for (const set of sets) {
    options.signal?.throwIfAborted();
    try {
      found.push(...compareWithManifest(set, await manifestOf(set, options)));
    } catch (error) {
      if (!hasCode(error, 'repository/damaged', 'storage/not-found')) throw error;
      found.push({ kind: 'unreadable-manifest', set, error });
      found.push(
        ...findings.filter((finding) => finding.kind === 'missing-volumes' && finding.set === set),
      );
    }
  }
  return found;
}

/** What is wrong with the volumes of a set, as its manifest says. */
export function compareWithManifest(set: BackupSet, manifest: Manifest): Finding[] {
  const listed = new Map(manifest.volumes.map((volume) => [volume.number, volume]));
  const last = manifest.volumes.at(-1)?.number ?? 0;
  const volumes = missingNumbers(set.volumes, last);
  const unlisted = Array.from(set.volumes.keys()).filter((number) => !listed.has(number));
  const cut = firstCutOff(manifest, set.volumes.keys());
  return [
    ...(volumes.length === 0 ? [] : [{ kind: 'missing-volumes', set, volumes } as const]),
    ...(cut === undefined ? [] : [{ kind: 'cut-manifest', set, volume: cut } as const]),
    ...(unlisted.length === 0 || cut !== undefined
      ? []
      : [{ kind: 'unlisted-volumes', set, volumes: unlisted } as const]),
    ...manifest.problems.map((problem) => ({ kind: 'doubtful-manifest', set, problem }) as const),
  ];
}

/**
 * The same for sets that are about to be read: a missing volume is an error before anything is written.
 *
 * @throws AppError `repository/damaged`
 */
export function requireVolumes(set: BackupSet, numbers: readonly number[]): void {
  const missing = numbers.filter((number) => !set.volumes.has(number));
  if (missing.length === 0) return;
  throw new AppError(
    'repository/damaged',
    `The ${set.type} set of ${new Date(set.end * 1000).toISOString()} lacks volume ${missing.slice(0, 10).join(', ')}`,
  );
}
