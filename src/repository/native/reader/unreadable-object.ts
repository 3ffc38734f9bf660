import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { Storage } from '../../../storage/storage.ts';
import { descriptionName } from '../objects/object-name.ts';

/** What a file system says of a place on the disk that cannot be read any more. */
const lost: ReadonlySet<unknown> = new Set(['EIO', 'EUCLEAN']);

/**
 * Whether what failed is about this one object: the disk has lost bytes of it, and gives others. Then it is damage like any other. If nothing else can be read
 * either, it is the storage that fails, and there is no use in going on.
 */
export async function isUnreadableObject(
  storage: Storage,
  error: unknown,
  options: CallOptions = {},
): Promise<boolean> {
  if (!hasCode(error, 'storage/unavailable') || !lost.has(error.details['system'])) return false;
  try {
    // A range is never answered by a copy on this machine.
    await storage.read(descriptionName, { ...options, range: { offset: 0, length: 1 } });
    return true;
  } catch (failure) {
    options.signal?.throwIfAborted();
    if (!(failure instanceof AppError)) throw failure;
    return false;
  }
}
