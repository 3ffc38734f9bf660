import { AppError } from '../../base/errors.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { readConfiguration } from '../../configuration/read-configuration.ts';
import type { Activity } from '../../model/job.ts';
import { mainActivityOf } from '../../model/schedule/schedule-entries.ts';
import type { CommandRun } from '../command.ts';
import { neededConfigurationPlace } from '../configuration-place.ts';
import type { jobRun } from '../definitions/job.ts';
import { findJob } from '../jobs/find-in-catalog.ts';
import { runHere } from '../jobs/run-here.ts';
import { openCatalogOf } from '../open-catalog.ts';
import type { CommandSession } from '../session.ts';

export const run: CommandRun<typeof jobRun> = async ({ flags, arguments: given }, session) => {
  const parameters = readParameters(given['KEY=VALUE']);
  await using catalog = await openCatalogOf(flags, session);
  if (flags.config !== undefined) await takeOver(flags.config, catalog, session);
  const { value: job } = await findJob(catalog, given.JOB, { signal: session.signal });
  const activity = (flags.activity ?? mainActivityOf(job)) as Activity;
  return await runHere({ job, activity, parameters }, catalog, flags, session);
};

/** A file that is broken changes nothing. @throws ConfigurationError */
async function takeOver(given: string, catalog: Catalog, session: CommandSession): Promise<void> {
  const { signal, output } = session;
  const place = await neededConfigurationPlace(given, session);
  const { configuration, warnings } = await readConfiguration(place, { signal });
  for (const { message } of warnings) output.note(message);
  await catalog.configuration.replace(configuration, place, { signal });
}

function readParameters(words: readonly string[]): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals <= 0) {
      throw new AppError('input/usage', `"${word}" is not of the form KEY=VALUE`, {
        hint: 'For example: type=full',
      });
    }
    const name = word.slice(0, equals);
    // Several of one kind, such as include=GLOB, are lines of one text.
    const before = parameters[name];
    const value = word.slice(equals + 1);
    parameters[name] = before === undefined ? value : `${before}\n${value}`;
  }
  return parameters;
}
