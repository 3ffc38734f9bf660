import path from 'node:path';

import { AppError } from '../../base/errors.ts';
import { checkConfiguration } from '../../configuration/check-configuration.ts';
import { ConfigurationError } from '../../configuration/configuration-problem.ts';
import { parseJob } from '../../configuration/configuration-schema.ts';
import { scheduleProblems } from '../../configuration/periodicities.ts';
import { isDatabaseUrl } from '../../source/database/database-url.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import type { jobAdd } from '../definitions/job.ts';
import { givenLocalPath } from '../given-path.ts';
import { OWN_ORIGIN } from '../jobs/find-in-catalog.ts';
import { openCatalogOf } from '../open-catalog.ts';
import type { CommandSession } from '../session.ts';

export const run: CommandRun<typeof jobAdd> = async (input, session) => {
  const { NAME } = input.arguments;
  const { output, signal } = session;
  const job = parseJob(NAME, jobDocument(input, session));
  await using catalog = await openCatalogOf(input.flags, session);
  if ((await catalog.configuration.jobs.get(NAME, { signal })) !== undefined) {
    throw new AppError('input/conflict', `There is a job "${NAME}" already`, {
      hint: '"holdfast job show" shows it, "holdfast job import --replace" replaces it',
    });
  }
  const before = await catalog.configuration.read({ signal });
  const after = { ...before, jobs: [...before.jobs, job] };
  const { problems, warnings } = checkConfiguration(after);
  const own = [...problems, ...scheduleProblems(after)].filter(
    ({ path: [section, name] }) => section === 'jobs' && name === NAME,
  );
  if (own.length > 0) throw new ConfigurationError(own, `The job "${NAME}"`);
  await catalog.configuration.jobs.save(NAME, job, { revision: undefined, origin: OWN_ORIGIN });
  for (const {
    message,
    path: [section, name],
  } of warnings) {
    if (section === 'jobs' && name === NAME) output.note(message);
  }
  output.object({ type: 'job-added', job: NAME });
  output.line(`Added the job "${NAME}"`);
  return 0;
};

/** As it would be written in a configuration file. */
function jobDocument(
  { flags, arguments: { SOURCE } }: CommandInput<typeof jobAdd>,
  { workingDirectory }: CommandSession,
): Record<string, unknown> {
  const file = flags['job-passphrase-file'];
  const retention = {
    keepLast: flags['keep-last'],
    keepDaily: flags['keep-daily'],
    keepWeekly: flags['keep-weekly'],
    keepMonthly: flags['keep-monthly'],
    keepYearly: flags['keep-yearly'],
  };
  const keeps = Object.values(retention).some((value) => value !== undefined);
  const databases = SOURCE.filter(isDatabaseUrl).map((url) => ({ url }));
  const sources = SOURCE.filter((source) => !isDatabaseUrl(source)).map((source) =>
    givenLocalPath(source, 'A SOURCE', workingDirectory),
  );
  return withoutUndefined({
    description: flags.description,
    schedule: flags.schedule,
    sources: sources.length > 0 ? sources : undefined,
    databases: databases.length > 0 ? databases : undefined,
    destinations: flags.to.map((url) =>
      withoutUndefined({
        // A path is meant from where we are, whenever it is used.
        url: /^\.{1,2}(?:\/|$)/u.test(url) ? path.resolve(workingDirectory, url) : url,
        passphrase: file === undefined ? undefined : { file: path.resolve(workingDirectory, file) },
        unencrypted: flags.unencrypted ? true : undefined,
      }),
    ),
    filters: flags.exclude.length > 0 ? { exclude: flags.exclude } : undefined,
    tags: flags.tag.length > 0 ? flags.tag : undefined,
    retention: keeps ? withoutUndefined(retention) : undefined,
    check: flags.check === undefined ? undefined : { schedule: flags.check },
    drill: flags.drill === undefined ? undefined : { schedule: flags.drill },
    alarm: flags.alarm,
  });
}

function withoutUndefined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
