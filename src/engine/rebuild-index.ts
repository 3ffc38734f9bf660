import { AppError } from '../base/errors.ts';
import { noCounters, type SummaryEvent } from '../model/event.ts';
import type { Access } from '../repository/native/access.ts';
import { rebuildIndexObjects } from '../repository/native/index/rebuild-index.ts';
import type { OperationContext } from './operation.ts';

/** Makes the index anew from the packs; with `dryRun` only looks. Needs an owner or janitor: others may not speak for all packs. */
export async function rebuildIndex(
  access: Access,
  { dryRun = false }: { readonly dryRun?: boolean | undefined },
  { clock, signal, report }: OperationContext,
): Promise<SummaryEvent> {
  const { role } = access.keys;
  if (role !== 'owner' && role !== 'janitor') {
    throw new AppError(
      'repository/not-permitted',
      `A key with the role "${role}" cannot replace the index`,
      { hint: 'Use the passphrase of an owner' },
    );
  }
  const started = clock.monotonic();
  report({ type: 'phase', phase: 'reading the tables of all packs' });
  const { packs, published, removed, unreadable } = await rebuildIndexObjects(access, {
    dryRun,
    signal,
  });
  for (const error of unreadable) report({ type: 'problem', severity: 'error', error });
  const summary: SummaryEvent = {
    type: 'summary',
    operation: 'rebuild-index',
    ...noCounters,
    files: packs,
    errors: unreadable.length,
    dryRun,
    milliseconds: clock.monotonic() - started,
    details: { packs, publishedObjects: published, removedObjects: removed },
  };
  report(summary);
  return summary;
}
