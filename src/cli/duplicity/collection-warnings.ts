import { filesOf } from '../../repository/duplicity/collection/backup-set.ts';
import type { Collection } from '../../repository/duplicity/collection/collection.ts';
import { type DuplicityLog, warningCodes } from './duplicity-log.ts';

/** What duplicity says of leftovers whenever it lists an archive. */
export function tellCollectionWarnings(
  { findings, incomplete, interrupted, orphaned }: Collection,
  log: DuplicityLog,
): void {
  const surplus = findings.some(
    ({ kind }) => kind === 'surplus-signatures' || kind === 'orphaned-signatures',
  );
  if (surplus) {
    log.warning('Warning, found signatures but no corresponding backup files', {
      code: warningCodes.unmatchedSignatures,
    });
  }
  if (incomplete.length + interrupted.length > 0) {
    log.warning('Warning, found incomplete backup sets, probably left from aborted session', {
      code: warningCodes.incompleteSets,
    });
  }
  if (orphaned.length > 0) {
    const names = orphaned.flatMap(filesOf).map(({ name }) => name);
    const noun = orphaned.length === 1 ? 'file' : 'files';
    log.warning(`Warning, found the following orphaned backup ${noun}:\n[${names.join(', ')}]`, {
      code: warningCodes.orphanedSets,
    });
  }
}
