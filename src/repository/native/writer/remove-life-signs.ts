import { hasCode } from '../../../base/errors.ts';
import type { Access } from '../access.ts';

/**
 * Deletes the pending records of runs that have come to their end (W12). One that stays is no failure, whatever keeps it: a storage may not let us delete, and a
 * file system that is full may not be able to. The seal with the same run id ends it.
 */
export async function removeLifeSigns({ storage }: Access, names: Iterable<string>): Promise<void> {
  for (const name of names) {
    try {
      await storage.delete(name);
    } catch (error) {
      if (!hasCode(error)) throw error;
    }
  }
}
