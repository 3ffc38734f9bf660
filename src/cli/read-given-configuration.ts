import { stat } from 'node:fs/promises';
import path from 'node:path';

import type { ConfigurationProblem } from '../configuration/configuration-problem.ts';
import { readConfiguration } from '../configuration/read-configuration.ts';
import type { Configuration } from '../model/configuration.ts';
import { neededConfigurationPlace } from './configuration-place.ts';
import type { CliContext } from './context.ts';

/** A file's secrets are beside it, those of a directory in it. */
const directoryOf = async (place: string): Promise<string> =>
  (await stat(place)).isDirectory() ? place : path.dirname(place);

/** A configuration that a command was pointed to. */
export interface GivenConfiguration {
  readonly configuration: Configuration;
  readonly warnings: readonly ConfigurationProblem[];
  /** What it was read from: a path, or `the environment`. */
  readonly from: string;
  /** Relative paths of secrets are relative to this. */
  readonly baseDirectory: string;
}

/** Reads the configuration of a file or directory, or that of the environment. @throws ConfigurationError */
export async function readGivenConfiguration(
  given: string | undefined,
  fromEnvironment: boolean,
  context: CliContext,
): Promise<GivenConfiguration> {
  const { signal, workingDirectory } = context;
  if (fromEnvironment) {
    const { configurationFromEnvironment } =
      await import('../configuration/environment/configuration-from-environment.ts');
    const { configuration, warnings } = await configurationFromEnvironment(context.environment, {
      signal,
    });
    return {
      configuration,
      warnings: warnings.map((message) => ({ path: [], message })),
      from: 'the environment',
      baseDirectory: workingDirectory,
    };
  }
  const from = await neededConfigurationPlace(given, context);
  return {
    ...(await readConfiguration(from, { signal })),
    from,
    baseDirectory: await directoryOf(from),
  };
}
