import { AppError, hasCode } from '../base/errors.ts';
import type { NativeRepository } from '../repository/native/native-repository.ts';
import { listSnapshots, type SnapshotList } from '../repository/native/reader/snapshot-list.ts';
import type { CommandSession } from './session.ts';

/**
 * The snapshots of a repository. What is amiss is reported; the machine remembers how many snapshots of each host it has seen, and notices when some
 * are gone the next time.
 */
export async function loadSnapshots(
  repository: NativeRepository,
  { signal, output }: CommandSession,
): Promise<SnapshotList> {
  const { access, local } = repository;
  const remembered = rememberedSequences(repository);
  const list = await listSnapshots(access, { remembered, signal });
  for (const finding of list.findings) {
    const error = new AppError('repository/damaged', finding.message);
    output.report({ type: 'problem', severity: finding.severity, error });
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
