import { hasCode } from '../../base/errors.ts';
import { type ChosenSets, chooseSets } from '../../repository/duplicity/collection/choose-sets.ts';
import type { Collection } from '../../repository/duplicity/collection/collection.ts';
import { exitCodes, fatal } from './fatal.ts';
import { type DuplicityRun, restoreTime } from './run-settings.ts';

/** The sets for the wanted time. Throws exit code 30, as duplicity ends, if there is no backup; `what` says of what there is none. */
export function chosenSets(
  collection: Collection,
  run: DuplicityRun,
  what: 'backup' | 'signature',
): ChosenSets {
  try {
    return chooseSets(collection, restoreTime(run) ?? Infinity);
  } catch (error) {
    if (!hasCode(error, 'snapshot/missing')) throw error;
    throw fatal(exitCodes.exception, `No ${what} chains found`, {
      extra: 'CollectionsError',
      cause: error,
    });
  }
}
