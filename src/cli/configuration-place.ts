import { access } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../base/errors.ts';
import { homeDirectory } from '../base/home-directory.ts';
import type { CliContext } from './context.ts';

const endings = ['.yaml', '.yml', '.toml', '.json', '.d'];

/**
 * Where the configuration is: what was given, `HOLDFAST_CONFIG`, or the first that is there of `holdfast.yaml` (`.yml`, `.toml`, `.json`, the directory `.d`) in the
 * user's configuration directory and in `/etc/holdfast`. `undefined` if there is none.
 */
export async function configurationPlace(
  given: string | undefined,
  { environment, workingDirectory }: Pick<CliContext, 'environment' | 'workingDirectory'>,
): Promise<string | undefined> {
  const named = given ?? (environment['HOLDFAST_CONFIG'] || undefined);
  if (named !== undefined) return path.resolve(workingDirectory, named);
  const own = environment['XDG_CONFIG_HOME'];
  const home = homeDirectory(environment);
  const ofUser =
    own !== undefined && path.isAbsolute(own) ? own : home && path.join(home, '.config');
  const directories = ['/etc/holdfast'];
  if (ofUser !== undefined) directories.unshift(path.join(ofUser, 'holdfast'));
  for (const directory of directories) {
    for (const ending of endings) {
      const place = path.join(directory, `holdfast${ending}`);
      if (await isThere(place)) return place;
    }
  }
  return undefined;
}

/** The same, where there has to be one. @throws AppError `input/usage` */
export async function neededConfigurationPlace(
  given: string | undefined,
  context: Pick<CliContext, 'environment' | 'workingDirectory'>,
): Promise<string> {
  const place = await configurationPlace(given, context);
  if (place !== undefined) return place;
  throw new AppError('input/usage', 'There is no configuration', {
    hint: 'Name a file, set HOLDFAST_CONFIG, or make /etc/holdfast/holdfast.yaml with "holdfast config generate"',
  });
}

const isThere = (place: string): Promise<boolean> =>
  access(place).then(
    () => true,
    () => false,
  );
