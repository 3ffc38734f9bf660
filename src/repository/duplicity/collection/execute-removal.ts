import type { CallOptions } from '../../../base/call-options.ts';
import type { Storage } from '../../../storage/storage.ts';
import type { RemovalPlan, RemovalStep } from './removal.ts';

export interface RemovalPlaces {
  readonly storage: Storage;
  /** The archive directory. */
  readonly directory: { remove(name: string, options: CallOptions): Promise<void> };
}

export interface ExecuteRemovalOptions extends CallOptions {
  /** Called when a file has been removed. */
  readonly onRemoved?: (step: RemovalStep) => void;
}

/**
 * Removes the files of a plan one after the other, in its order. It may be killed, or fail, at any point and be repeated from a new listing: what
 * is then left of a set is found by `planCleanup`.
 *
 * @throws what the storage throws; `local/unwritable`
 */
export async function executeRemoval(
  { steps }: Pick<RemovalPlan, 'steps'>,
  { storage, directory }: RemovalPlaces,
  { signal, onRemoved }: ExecuteRemovalOptions = {},
): Promise<void> {
  for (const step of steps) {
    signal?.throwIfAborted();
    const place =
      step.place === 'local' ? directory.remove.bind(directory) : storage.delete.bind(storage);
    await place(step.name, { signal });
    onRemoved?.(step);
  }
}
