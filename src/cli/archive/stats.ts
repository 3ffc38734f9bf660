import { counted } from '../../base/counted.ts';
import { formatCount, formatSize } from '../../base/size.ts';
import { storedSize } from '../../repository/duplicity/collection/backup-set.ts';
import { planCleanup } from '../../repository/duplicity/collection/removal.ts';
import type { CommandInput } from '../command.ts';
import type { stats } from '../definitions/looking.ts';
import type { LocatedDestination } from '../locate-destination.ts';
import type { CommandSession } from '../session.ts';
import { timeText } from '../snapshot-text.ts';
import { openArchive } from './archive-session.ts';

/** `stats` of an archive of duplicity's, chain by chain, from one listing. The place is its own from then on. Gives the exit status. */
export async function statsOfArchive(
  located: LocatedDestination,
  { flags }: CommandInput<typeof stats>,
  session: CommandSession,
): Promise<number> {
  const { output, signal, timeZone } = session;
  await using archive = await openArchive(located, flags, session, { mode: 'read' });
  const collection = await archive.collection({ signal });
  const chains = collection.chains.map(({ sets, start, end }) => ({
    start: start * 1000,
    end: end * 1000,
    sets: sets.length,
    volumes: sets.reduce((sum, { volumes }) => sum + volumes.size, 0),
    bytes: sets.reduce((sum, set) => sum + storedSize(set), 0),
  }));
  const useless = new Set(
    planCleanup(collection).steps.flatMap(({ place, name }) => (place === 'remote' ? [name] : [])),
  );
  const total = collection.remote.reduce((sum, { size }) => sum + size, 0);
  const unused = collection.remote.reduce(
    (sum, { name, size }) => sum + (useless.has(name) ? size : 0),
    0,
  );
  output.object({
    type: 'stats',
    chains: chains.map((chain) => ({
      ...chain,
      start: new Date(chain.start).toISOString(),
      end: new Date(chain.end).toISOString(),
    })),
    files: collection.remote.length,
    bytes: total,
    unusedBytes: unused,
  });
  output.table(
    [
      { title: 'Chain' },
      { title: 'Newest' },
      { title: 'Sets', align: 'right' },
      { title: 'Volumes', align: 'right' },
      { title: 'Size', align: 'right' },
    ],
    chains.map(({ start, end, sets, volumes, bytes }) => [
      timeText(start, timeZone),
      timeText(end, timeZone),
      formatCount(sets),
      formatCount(volumes),
      formatSize(bytes),
    ]),
  );
  output.line(
    `In the storage: ${formatSize(total)} in ${counted(collection.remote.length, 'file')}`,
  );
  if (unused > 0)
    output.line(`No longer needed: ${formatSize(unused)} ("holdfast prune" frees it)`);
  return 0;
}
