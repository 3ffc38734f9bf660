import { AppError } from '../../base/errors.ts';
import { noCounters, type SummaryEvent } from '../../model/event.ts';
import type { Collection } from '../../repository/duplicity/collection/collection.ts';
import { describeFinding, type Finding } from '../../repository/duplicity/collection/finding.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { ArchiveReader } from '../../repository/duplicity/reader/archive-reader.ts';
import type { ReaderProblem } from '../../repository/duplicity/reader/reader-problem.ts';
import type { OperationContext } from '../operation.ts';

/** What data is lost by; everything else takes space, or costs the next backup more. */
const severe: ReadonlySet<Finding['kind']> = new Set([
  'orphaned-set',
  'missing-volumes',
  'unreadable-manifest',
  'cut-manifest',
  'doubtful-manifest',
  'overlapping-chains',
]);

/** A set whose signatures are there and whose manifest is not was lost: a run that is killed has mostly neither. */
function isSevere(finding: Finding): boolean {
  if (finding.kind === 'incomplete-set') return finding.set.signatures !== undefined;
  return severe.has(finding.kind);
}

/**
 * Looks for damage. Names and manifests are compared always, and signatures read; with `readData` all volumes are fetched and their hashes compared, and the newest state of
 * each chain is put together without being written. What is found is reported.
 *
 * @throws AppError what the storage and a wrong passphrase throw; damage is reported, not thrown
 */
export async function checkArchive(
  archive: DuplicityArchive,
  collection: Collection,
  { readData }: { readonly readData: boolean },
  context: OperationContext,
): Promise<SummaryEvent> {
  const { clock, signal, report } = context;
  const beginning = clock.monotonic();
  const done = { files: 0, bytes: 0, errors: 0 };
  let warnings = 0;
  const found = (severity: 'error' | 'warning', error: AppError, path?: Uint8Array): void => {
    if (severity === 'error') done.errors++;
    else warnings++;
    report({ type: 'problem', severity, ...(path !== undefined && { path }), error });
  };
  const onProblem = ({ severity, path, error }: ReaderProblem): void =>
    found(severity, error, path);
  report({ type: 'phase', phase: 'Comparing names and manifests' });
  for (const finding of await archive.crossCheck(collection, { signal })) {
    const error = new AppError('repository/damaged', describeFinding(finding));
    found(isSevere(finding) ? 'error' : 'warning', error);
  }
  const reader = new ArchiveReader(archive);
  for (const { sets } of collection.chains) {
    await orFound(found, async () => {
      report({ type: 'phase', phase: 'Reading signatures' });
      for await (const entry of reader.list(sets, { onProblem, signal })) void entry;
      if (!readData) return;
      report({ type: 'phase', phase: 'Reading volumes' });
      for await (const archived of reader.entries(sets, {
        ignoreErrors: true,
        namesLosses: true,
        onProblem,
        signal,
      })) {
        const { path, entry } = archived;
        if (entry.type !== 'file') continue;
        done.files++;
        await orFound(
          (severity, error) => found(severity, error, path),
          async () => {
            for await (const piece of archived.content()) done.bytes += piece.length;
          },
        );
        report({ type: 'progress', ...noCounters, ...done, bytesRead: done.bytes, current: path });
      }
    });
  }
  return {
    type: 'summary',
    operation: 'check',
    ...noCounters,
    ...done,
    bytesRead: done.bytes,
    dryRun: false,
    milliseconds: clock.monotonic() - beginning,
    details: {
      dataRead: readData,
      warnings,
      chains: collection.chains.length,
      sets: collection.chains.reduce((sum, { sets }) => sum + sets.length, 0),
    },
  };
}

/** Damage is what is looked for: the rest of the archive is looked at all the same. */
async function orFound(
  found: (severity: 'error', error: AppError) => void,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'repository/damaged') throw error;
    found('error', error);
  }
}
