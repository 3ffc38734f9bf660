import { holdsArchive } from '../archive/holds-archive.ts';
import type { CommandRun } from '../command.ts';
import type { prune } from '../definitions/upkeep.ts';
import { locateDestination } from '../locate-destination.ts';
import { openLocated } from '../open-destination.ts';
import { operationContext } from '../operation-context.ts';
import { pruneRepository } from '../prune-repository.ts';

export const run: CommandRun<typeof prune> = async (input, session) => {
  const { flags } = input;
  const { output } = session;
  const dryRun = flags['dry-run'];
  const located = await locateDestination(input.arguments.URL, flags, session);
  if (await holdsArchive(located, flags, session)) {
    await using _place = located;
    const { pruneOfArchive } = await import('../archive/forget.ts');
    return await pruneOfArchive(located, input, session);
  }
  const [repository, engine] = await Promise.all([
    openLocated(located, flags, session, { mode: dryRun ? 'read' : 'write' }),
    import('../../engine/prune.ts'),
  ]);
  await using opened = repository;
  if (flags['clear-tombstones'] && !dryRun) {
    const question = 'Does no backup and no other prune run anywhere, and is none suspended?';
    if (!(await session.confirm(question, flags.yes))) return 0;
    const cleared = await engine.clearAllTombstones(opened.access, operationContext(session));
    output.object({ type: 'tombstones', cleared });
    output.note(`Cleared ${cleared} tombstones`);
  }
  return await pruneRepository(opened, session, {
    dryRun,
    maxRepack: flags['max-repack'],
    alone: flags.alone,
    yes: flags.yes,
  });
};
