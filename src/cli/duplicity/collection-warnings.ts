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
    // Their signatures were named above.
    const lines = orphaned.map((set) => {
      const files = filesOf(set).filter(({ file }) => file.kind !== 'signatures');
      return `[${files.map(({ name }) => name).join(', ')}]`;
    });
    const noun = orphaned.length === 1 ? 'file' : 'files';
    log.warning(`Warning, found the following orphaned backup ${noun}:\n${lines.join('\n')}`, {
      code: warningCodes.orphanedSets,
    });
  }
}

/** Whether there are signatures, but neither here nor on the destination such as end where the newest chain does. */
function hasUnmatchedSignatures({ chains, signatureChains }: Collection): boolean {
  const end = chains.at(-1)?.end;
  return signatureChains.length > 0 && signatureChains.every((joined) => joined.end !== end);
}
