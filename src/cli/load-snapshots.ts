import { AppError, hasCode } from '../base/errors.ts';
import { formatCount } from '../base/size.ts';
import type { NativeRepository } from '../repository/native/native-repository.ts';
import { listSnapshots, type SnapshotList } from '../repository/native/reader/snapshot-list.ts';
import type { CommandSession } from './session.ts';

/**
 * The snapshots of a repository. What is amiss is reported; the machine remembers how many snapshots of each host it has seen, and notices when some
 * are gone the next time. Throws `repository/damaged` if there are snapshots of which none can be read.
 */
export async function loadSnapshots(
  repository: NativeRepository,
  { signal, output }: CommandSession,
): Promise<SnapshotList> {
  const { access, local } = repository;
  const remembered = rememberedSequences(repository);
  const list = await listSnapshots(access, { remembered, signal });
  for (const finding of list.findings) {
    const error = new AppError('repository/damaged', finding.message, {
      ...(finding.hint !== undefined && { hint: finding.hint }),
    });
    output.report({ type: 'problem', severity: finding.severity, error });
  }
  if (list.snapshots.length === 0 && list.unreadable.length > 0) {
    throw new AppError(
      'repository/damaged',
      `${formatCount(list.unreadable.length)} snapshots are there, and none of them can be read`,
      {
        hint:
          list.findings.find(({ hint }) => hint !== undefined)?.hint ??
          'Run "holdfast check" to see what is damaged, and what can be done about it',
      },
    );
  }
  try {
    await local.noteSequences(list.seals.map(({ value }) => [value.hostId, value.sequence]));
  } catch (error) {
    // On a rescue system nothing can be kept, and nothing needs to be.
    if (!hasCode(error, 'local/unwritable')) throw error;
  }
  return list;
}

/** How many snapshots of each host this machine has seen. */
export function rememberedSequences({
  hosts,
  local,
}: NativeRepository): ReadonlyMap<string, number> {
  return new Map(hosts.certificates().map(({ id }) => [id, local.highestSequence(id)]));
}
