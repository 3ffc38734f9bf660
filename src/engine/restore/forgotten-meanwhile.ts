import type { CallOptions } from '../../base/call-options.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { Access } from '../../repository/native/access.ts';
import { finalName } from '../../repository/native/objects/object-name.ts';

/**
 * Why content of a snapshot that is being read may be missing although nothing is damaged: somebody has forgotten it since it was listed, so that a prune could free what only it
 * needed. Undefined if it is still there, or if that cannot be known.
 */
export async function forgottenMeanwhile(
  { storage }: Access,
  { id }: Pick<Snapshot, 'id'>,
  options: CallOptions,
): Promise<AppError | undefined> {
  try {
    await storage.stat(finalName(id), options);
    return undefined;
  } catch (error) {
    // What is missing has been told; why is not known then.
    if (!hasCode(error, 'storage/not-found')) return undefined;
    return new AppError(
      'snapshot/missing',
      `Snapshot ${id.slice(0, 8)} was forgotten while it was read: what is missing is not damaged, but was freed`,
      { hint: 'Restore another snapshot: "holdfast snapshots" shows what there is', cause: error },
    );
  }
}
