import path from 'node:path';

import { writeFileAtomically } from '../../base/atomic-file.ts';
import { AppError } from '../../base/errors.ts';
import { fileReason } from '../../base/file-reason.ts';
import {
  type ConfigurationFormat,
  configurationText,
  withoutSecrets,
} from '../../configuration/write-configuration.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { Job } from '../../model/job.ts';
import { destinationName } from '../../model/named-destination.ts';
import type { CommandRun } from '../command.ts';
import type { jobExport } from '../definitions/job.ts';
import { findJob } from '../jobs/find-in-catalog.ts';
import { openCatalogOf } from '../open-catalog.ts';

export const run: CommandRun<typeof jobExport> = async ({ flags, arguments: given }, session) => {
  const { output, signal, workingDirectory } = session;
  await using catalog = await openCatalogOf(flags, session);
  const all = await catalog.configuration.read({ signal });
  let chosen: Configuration = all;
  if (given.JOB.length > 0) {
    const jobs: Job[] = [];
    for (const name of given.JOB) jobs.push((await findJob(catalog, name, { signal })).value);
    chosen = neededBy(jobs, all);
  }
  const written = flags['with-secrets'] ? chosen : withoutSecrets(chosen);
  const format = flags.format ?? (flags.json ? 'json' : formatOf(flags.output));
  const text = configurationText(written, format as ConfigurationFormat);
  if (flags.output === undefined) {
    session.stdout.write(text);
    return 0;
  }
  const file = path.resolve(workingDirectory, flags.output);
  try {
    await writeFileAtomically(file, Buffer.from(text), { signal, mode: 0o600 });
  } catch (cause) {
    signal.throwIfAborted();
    throw new AppError('local/unwritable', `Cannot write "${file}": ${fileReason(cause)}`, {
      cause,
    });
  }
  output.object({ type: 'export', file, jobs: chosen.jobs.length });
  const { length } = chosen.jobs;
  output.line(`Wrote ${length === 1 ? '1 job' : `${length} jobs`} to "${file}"`);
  return 0;
};

function formatOf(file: string | undefined): string {
  const ending = path.extname(file ?? '').slice(1);
  return ending === 'json' || ending === 'toml' ? ending : 'yaml';
}

/** Some jobs with the destinations and channels that they name. */
function neededBy(jobs: readonly Job[], all: Configuration): Configuration {
  const destinations = new Set(
    jobs.flatMap((job) =>
      job.kind === 'backup' ? job.destinations.flatMap((one) => destinationName(one) ?? []) : [],
    ),
  );
  const channels = new Set(jobs.flatMap(({ notify = [] }) => notify.map(({ channel }) => channel)));
  const texts = JSON.stringify(jobs);
  const only = <Value>(from: Readonly<Record<string, Value>>, has: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(from).filter(([name]) => has(name)));
  return {
    jobs,
    destinations: only(all.destinations, (name) => destinations.has(name)),
    channels: only(all.channels, (name) => channels.has(name)),
    periodicities: only(all.periodicities, (name) => texts.includes(JSON.stringify(name))),
    settings: {},
  };
}
