import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../../base/errors.ts';
import type { DocumentStore } from '../../catalog/catalog.ts';
import { checkConfiguration } from '../../configuration/check-configuration.ts';
import { ConfigurationError } from '../../configuration/configuration-problem.ts';
import { isDuplicatiExport, readDuplicatiExport } from '../../configuration/duplicati-export.ts';
import { MASK } from '../../configuration/masked-secrets.ts';
import { scheduleProblems } from '../../configuration/periodicities.ts';
import { readConfiguration } from '../../configuration/read-configuration.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { CommandRun } from '../command.ts';
import type { jobImport } from '../definitions/job.ts';
import { OWN_ORIGIN } from '../jobs/find-in-catalog.ts';
import { openCatalogOf } from '../open-catalog.ts';

interface Import {
  readonly configuration: Configuration;
  readonly warnings: readonly string[];
}

/** What a file of ours says, or one that Duplicati has exported. */
async function readImport(file: string, signal: AbortSignal): Promise<Import> {
  if (file.endsWith('.json') || file.endsWith('.aes')) {
    const text = await readFile(file, { encoding: 'utf8', signal }).catch(() => ''); // reading it again tells why
    if (isDuplicatiExport(text)) return readDuplicatiExport(text);
  }
  const { configuration } = await readConfiguration(file, { signal });
  return { configuration, warnings: [] };
}

export const run: CommandRun<typeof jobImport> = async (
  { flags, arguments: { FILE } },
  session,
) => {
  const { output, signal, workingDirectory } = session;
  const { configuration, warnings } = await readImport(
    path.resolve(workingDirectory, FILE),
    signal,
  );
  for (const warning of warnings) output.note(`Warning: ${warning}`);
  if (JSON.stringify(configuration).includes(`"${MASK}"`)) {
    throw new AppError('input/invalid', `Secrets in "${FILE}" were left out when it was written`, {
      hint: `Write them where it says ${MASK}, or export with --with-secrets`,
    });
  }
  await using catalog = await openCatalogOf(flags, session);
  const { configuration: store } = catalog;
  const before = await store.read({ signal });
  // All of it has to make sense with what is there, before anything is changed.
  const jobs = new Map([...before.jobs, ...configuration.jobs].map((job) => [job.name, job]));
  const after = {
    jobs: [...jobs.values()],
    destinations: { ...before.destinations, ...configuration.destinations },
    channels: { ...before.channels, ...configuration.channels },
    periodicities: { ...before.periodicities, ...configuration.periodicities },
    settings: before.settings,
  };
  const problems = [...checkConfiguration(after).problems, ...scheduleProblems(after)];
  if (problems.length > 0) throw new ConfigurationError(problems);

  const put = async <Value>(
    what: string,
    documents: DocumentStore<Value>,
    values: Readonly<Record<string, Value>>,
  ): Promise<void> => {
    const known = await documents.list({ signal });
    for (const [name, value] of Object.entries(values)) {
      const kept = known.get(name);
      const isForeign = kept !== undefined && kept.origin !== OWN_ORIGIN;
      const action = kept === undefined ? 'add' : flags.replace && !isForeign ? 'replace' : 'keep';
      if (action !== 'keep' && !flags['dry-run']) {
        await documents.save(name, value, { revision: kept?.revision, origin: OWN_ORIGIN });
      }
      output.object({ type: 'import', what, name, action, dryRun: flags['dry-run'] });
      const reason = isForeign ? ` (it comes from "${kept.origin}")` : '';
      output.line(`${action}  ${what} "${name}"${action === 'keep' ? reason : ''}`);
    }
  };
  // What jobs name comes first, so that no job is ever without it.
  await put('periodicity', store.periodicities, configuration.periodicities);
  await put('destination', store.destinations, configuration.destinations);
  await put('channel', store.channels, configuration.channels);
  await put(
    'job',
    store.jobs,
    Object.fromEntries(configuration.jobs.map((job) => [job.name, job])),
  );
  return 0;
};
