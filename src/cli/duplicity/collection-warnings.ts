import { filesOf } from '../../repository/duplicity/collection/backup-set.ts';
import type { Collection } from '../../repository/duplicity/collection/collection.ts';
import { type DuplicityLog, warningCodes } from './duplicity-log.ts';

/** What duplicity says of leftovers whenever it lists an archive. */
export function tellCollectionWarnings(collection: Collection, log: DuplicityLog): void {
  const { findings, incomplete, interrupted, orphaned } = collection;
  for (const place of ['local', 'remote'] as const) {
    const names = findings.flatMap((finding) =>
      finding.kind === 'orphaned-signatures' && finding.place === place ? [finding.file.name] : [],
    );
    if (names.length === 0) continue;
    const noun = names.length === 1 ? 'file' : 'files';
    log.warning(
      `Warning, found the following ${place} orphaned signature ${noun}:\n${names.join('\n')}`,
      { code: warningCodes.orphanedSignatures },
    );
  }
  if (hasUnmatchedSignatures(collection)) {
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

/** Whether there are signatures and no chain that they are those of, or some that came behind it. */
function hasUnmatchedSignatures({ active, findings, signatureChains }: Collection): boolean {
  if (active === undefined) return signatureChains.length > 0;
  return findings.some(
    (finding) => finding.kind === 'surplus-signatures' && finding.file.file.end > active.chain.end,
  );
}
