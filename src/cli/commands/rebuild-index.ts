import type { CommandRun } from '../command.ts';
import type { rebuildIndex } from '../definitions/upkeep.ts';
import { openDestination } from '../open-destination.ts';
import { operationContext } from '../operation-context.ts';

export const run: CommandRun<typeof rebuildIndex> = async (input, session) => {
  const { flags } = input;
  const dryRun = flags['dry-run'];
  const [repository, engine] = await Promise.all([
    openDestination(input.arguments.URL, flags, session, { mode: dryRun ? 'read' : 'write' }),
    import('../../engine/rebuild-index.ts'),
  ]);
  await using opened = repository;
  const context = operationContext(session);
  const { errors } = await engine.rebuildIndex(opened.access, { dryRun }, context);
  return errors > 0 ? 13 : 0;
};
