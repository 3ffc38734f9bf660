import { counted } from '../../base/counted.ts';
import { formatCount, formatSize } from '../../base/size.ts';
import type { RepositoryStats } from '../../engine/stats.ts';
import { holdsArchive } from '../archive/holds-archive.ts';
import type { CommandRun } from '../command.ts';
import type { stats } from '../definitions/looking.ts';
import { locateDestination } from '../locate-destination.ts';
import { openLocated } from '../open-destination.ts';
import { operationContext } from '../operation-context.ts';
import type { Output } from '../output/output.ts';

export const run: CommandRun<typeof stats> = async (input, session) => {
  const { output } = session;
  const located = await locateDestination(input.arguments.URL, input.flags, session);
  if (await holdsArchive(located, input.flags, session)) {
    await using _place = located;
    const { statsOfArchive } = await import('../archive/stats.ts');
    return await statsOfArchive(located, input, session);
  }
  const [repository, engine] = await Promise.all([
    openLocated(located, input.flags, session, { mode: 'read' }),
    import('../../engine/stats.ts'),
  ]);
  await using opened = repository;
  const result = await engine.stats(opened.access, operationContext(session));
  output.object({
    type: 'stats',
    ...result,
    data: { ...result.data },
    meta: { ...result.meta },
    total: { ...result.total },
    objects: Object.fromEntries(
      Object.entries(result.objects).map(([name, total]) => [name, { ...total }]),
    ),
  });
  tell(result, output);
  return 0;
};

function tell(result: RepositoryStats, output: Output): void {
  const { snapshots, unfinishedSnapshots, files, sourceBytes, data, meta, total } = result;
  // Large ones come of holes, and are no measure of anything.
  const times = (ratio: number): string =>
    `${ratio < 100 ? ratio.toFixed(2) : formatCount(Math.round(ratio))}×`;
  const unused = data.unusedBytes + meta.unusedBytes;
  const unfinished =
    unfinishedSnapshots === 0 ? '' : `, ${formatCount(unfinishedSnapshots)} unfinished`;
  const lines: readonly (readonly [string, string])[] = [
    ['Snapshots', `${formatCount(snapshots)}${unfinished}`],
    ['Files in all of them', `${formatCount(files)}, ${formatSize(sourceBytes)}`],
    [
      'Different content',
      `${formatSize(data.rawBytes)} in ${counted(data.blobs, 'chunk')} (${times(result.deduplication)} smaller)`,
    ],
    [
      'Compressed',
      `${formatSize(data.storedBytes + meta.storedBytes)} with directories (${times(result.compression)} smaller)`,
    ],
    [
      'In the storage',
      `${formatSize(total.bytes)} in ${counted(total.count, 'object')} (${times(result.overall)} smaller than the snapshots)`,
    ],
    ['No longer needed', `${formatSize(unused)} ("holdfast prune" frees it)`],
  ];
  for (const [title, value] of lines) output.line(`${`${title}:`.padEnd(23)}${value}`);
  const objects = Object.entries(result.objects).map(([type, { count, bytes }]) => [
    type,
    formatCount(count),
    formatSize(bytes),
  ]);
  output.line('');
  output.table(
    [{ title: 'Objects' }, { title: 'Count', align: 'right' }, { title: 'Size', align: 'right' }],
    objects,
  );
}
