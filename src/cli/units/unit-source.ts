import path from 'node:path';

import { AppError } from '../../base/errors.ts';
import { secretPlaces } from '../../configuration/secret-places.ts';
import type { Configuration } from '../../model/configuration.ts';
import { defaultCacheDirectory, defaultStateDirectory } from '../../service/units/sandbox.ts';
import { configurationPlace } from '../configuration-place.ts';
import { ownProgramArgv } from '../jobs/own-program.ts';
import { openCatalogOf, parseCatalogLocation, type ServiceFlagValues } from '../open-catalog.ts';
import { localPlaces } from '../places.ts';
import type { CommandSession } from '../session.ts';

type SourceFlags = ServiceFlagValues & {
  readonly config: string | undefined;
  readonly program: string | undefined;
};

/** What jobs are run from outside with. */
export interface UnitSource {
  readonly configuration: Configuration;
  readonly configurationFile: string | undefined;
  readonly program: readonly string[];
  readonly stateDirectory: string;
  readonly cacheDirectory: string;
  /** Variables that lead to the same catalog; nothing secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of credentials that the configuration counts on. */
  readonly credentials: readonly string[];
}

/**
 * The jobs of the file that flags name or that is where the server looks, else those of the catalog. `ofUser`: state lies where that user's own is; otherwise below `/var`, unless flags
 * or the catalog that the jobs came from say otherwise.
 */
export async function unitSource(
  flags: SourceFlags,
  session: CommandSession,
  { ofUser }: { readonly ofUser: boolean },
): Promise<UnitSource> {
  const { signal, workingDirectory } = session;
  const places = localPlaces(flags, session);
  const file = await configurationPlace(flags.config, session);
  let configuration: Configuration;
  if (file === undefined) {
    await using catalog = await openCatalogOf(flags, session);
    configuration = await catalog.configuration.read({ signal });
  } else {
    const { readConfiguration } = await import('../../configuration/read-configuration.ts');
    ({ configuration } = await readConfiguration(file, { signal }));
  }
  const isElsewhere = ofUser || file === undefined || flags['state-dir'] !== undefined;
  const isCachedElsewhere = ofUser || flags['cache-dir'] !== undefined;
  return {
    configuration,
    configurationFile: file,
    program:
      flags.program === undefined
        ? ownProgramArgv()
        : [path.resolve(workingDirectory, flags.program)],
    stateDirectory: isElsewhere ? places.stateDirectory : defaultStateDirectory,
    cacheDirectory:
      (isCachedElsewhere ? places.cacheDirectory : undefined) ?? defaultCacheDirectory,
    environment: catalogVariables(flags, session),
    credentials: credentialsOf(configuration),
  };
}

function catalogVariables(
  flags: ServiceFlagValues,
  { workingDirectory }: CommandSession,
): Readonly<Record<string, string>> {
  const key = flags['catalog-key-file'];
  const variables: Record<string, string> = {};
  if (key !== undefined)
    variables['HOLDFAST_CATALOG_KEY_FILE'] = path.resolve(workingDirectory, key);
  if (flags.database === undefined) return variables;
  const location = parseCatalogLocation(flags.database, workingDirectory);
  if ('file' in location) return { ...variables, HOLDFAST_DATABASE: location.file };
  const url = location.url.reveal();
  if (/^\w+:\/\/[^/@]*:[^/@]+@/u.test(url) || /[?&]password=/u.test(url)) {
    throw new AppError(
      'input/usage',
      'The URL of the catalog has a password in it, which everybody could read there',
      {
        hint: 'Put the URL into a credential: --credential holdfast-database=FILE',
      },
    );
  }
  return { ...variables, HOLDFAST_DATABASE: url };
}

function credentialsOf(configuration: Configuration): readonly string[] {
  const names = secretPlaces(configuration).flatMap(({ value }) =>
    typeof value === 'object' && 'credential' in value ? [value.credential] : [],
  );
  return [...new Set(names)].sort();
}
