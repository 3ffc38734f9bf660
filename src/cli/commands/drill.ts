import { parseSize } from '../../base/size.ts';
import { AppError } from '../../base/errors.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import type { drill } from '../definitions/job.ts';
import { drillRepository } from '../jobs/drill-repository.ts';
import { findJob } from '../jobs/find-in-catalog.ts';
import { runHere } from '../jobs/run-here.ts';
import { openCatalogOf } from '../open-catalog.ts';

export const run: CommandRun<typeof drill> = async (input, session) => {
  const { flags, arguments: given } = input;
  const target = given['JOB|URL'];
  const parameters = parametersOf(input);
  await using catalog = await openCatalogOf(flags, session);
  if (target.includes('/')) {
    return await drillRepository(target, parameters, catalog, flags, session);
  }
  const { value: job } = await findJob(catalog, target, { signal: session.signal });
  if (job.kind !== 'backup') {
    throw new AppError(
      'input/usage',
      `The job "${target}" makes no backups: there is nothing to restore`,
    );
  }
  return await runHere({ job, activity: 'drill', parameters }, catalog, flags, session);
};

/** The flags as parameters of the run. */
function parametersOf({ flags }: CommandInput<typeof drill>): Record<string, string> {
  const { files, bytes, directory, seed } = flags;
  if (bytes !== undefined) parseSize(bytes);
  return {
    ...(files !== undefined && { files: String(files) }),
    ...(bytes !== undefined && { bytes }),
    ...(directory !== undefined && { directory }),
    ...(seed !== undefined && { seed }),
    ...(flags['cold-storage'] && { 'cold-storage': 'true' }),
  };
}
