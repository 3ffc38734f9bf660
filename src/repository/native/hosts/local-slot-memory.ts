import { hasCode, type AppError } from '../../../base/errors.ts';
import type { RandomBytes } from '../../../base/random.ts';
import type { SlotMemory } from '../keys/unlock.ts';
import { LocalState } from './local-state.ts';

/**
 * Remembers the slot that opened last in the local state. A repository must open on a rescue system whose disks cannot be written, so
 * a failure (`local/unwritable`) is handed to `report` and otherwise costs only time.
 */
export function localSlotMemory(
  stateDirectory: string,
  random: RandomBytes,
  report: (error: AppError) => void,
): SlotMemory {
  const attempt = async <Value>(
    repositoryId: Uint8Array,
    action: (local: LocalState) => Promise<Value>,
  ): Promise<Value | undefined> => {
    try {
      return await action(await LocalState.open(stateDirectory, repositoryId, random));
    } catch (error) {
      if (!hasCode(error, 'local/unwritable')) throw error;
      report(error);
      return undefined;
    }
  };
  return {
    get: async (repositoryId) => await attempt(repositoryId, async (local) => local.lastSlot),
    set: async (repositoryId, slot) => {
      await attempt(repositoryId, async (local) => await local.noteSlot(slot));
    },
  };
}
