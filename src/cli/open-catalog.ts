import { access } from 'node:fs/promises';
import path from 'node:path';

import { AppError, systemCodeOf } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { catalogKeyFile, CatalogKey, type CatalogKeySource } from '../catalog/catalog-key.ts';
import { type CatalogLocation, openCatalog } from '../catalog/open-catalog.ts';
import type { OpenedCatalog } from '../catalog/opened-catalog.ts';
import { resolveSecret } from '../configuration/resolve-secret.ts';
import type { serviceFlags } from './definitions/service-flags.ts';
import type { FlagValues } from './flag.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import { localPlaces } from './places.ts';
import type { CommandSession } from './session.ts';

export type ServiceFlagValues = FlagValues<typeof serviceFlags> & GlobalFlagValues;

const keyCredential = 'holdfast-catalog-key';
const databaseCredential = 'holdfast-database';
const keyVariable = 'HOLDFAST_CATALOG_KEY';

/**
 * Opens the catalog that flags and environment name: `--database` or the credential `holdfast-database`, else `catalog.sqlite` in the state directory; its key
 * from `--catalog-key-file`, `HOLDFAST_CATALOG_KEY`, the credential `holdfast-catalog-key`, or `catalog.key` in the state directory, which is made
 * with the catalog. Throws what `openCatalog` throws, and `input/invalid` for a key that is there twice.
 */
export async function openCatalogOf(
  flags: ServiceFlagValues,
  session: CommandSession,
): Promise<OpenedCatalog> {
  const { clock, signal } = session;
  return await openCatalog({
    location: await catalogLocation(flags, session),
    key: await catalogKeyOf(flags, session),
    clock,
    signal,
  });
}

/** Where the catalog is, from flags and environment. */
export async function catalogLocation(
  flags: ServiceFlagValues,
  session: CommandSession,
): Promise<CatalogLocation> {
  const given = flags.database ?? (await credential(databaseCredential, session))?.reveal();
  if (given !== undefined) return parseCatalogLocation(given, session.workingDirectory);
  const { stateDirectory } = localPlaces(flags, session);
  return { file: path.join(stateDirectory, 'catalog.sqlite') };
}

/** A URL of PostgreSQL, `sqlite:///path`, or a path. Throws `input/invalid` for another scheme. */
export function parseCatalogLocation(text: string, workingDirectory: string): CatalogLocation {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/isu.exec(text) ?? [];
  if (scheme === undefined) return { file: path.resolve(workingDirectory, text) };
  switch (scheme.toLowerCase()) {
    case 'postgres':
    case 'postgresql':
      return { url: new Secret(text) };
    case 'sqlite':
    case 'file':
      return { file: path.resolve(workingDirectory, rest) };
    default:
      throw new AppError('input/invalid', `The catalog cannot be kept in "${scheme}://"`, {
        hint: 'Give the path of a file, or postgresql://user@host/database',
      });
  }
}

/** The file that the key is in, unless it comes from elsewhere. */
export function catalogKeyPath(flags: ServiceFlagValues, session: CommandSession): string {
  const given = flags['catalog-key-file'];
  return given === undefined
    ? path.join(localPlaces(flags, session).stateDirectory, 'catalog.key')
    : path.resolve(session.workingDirectory, given);
}

/** Where the key comes from: a file, or a text that was given. */
export async function catalogKeyOf(
  flags: ServiceFlagValues,
  session: CommandSession,
): Promise<CatalogKey | CatalogKeySource> {
  const file = flags['catalog-key-file'];
  const variable = session.environment[keyVariable];
  if (file !== undefined && variable !== undefined && variable !== '') {
    throw new AppError(
      'input/invalid',
      `The key of the catalog is given twice: by --catalog-key-file and by ${keyVariable}`,
    );
  }
  if (file !== undefined) return catalogKeyFile(catalogKeyPath(flags, session));
  if (variable !== undefined && variable !== '')
    return new CatalogKey(variable, `The key of the catalog in ${keyVariable}`);
  const given = await credential(keyCredential, session);
  if (given !== undefined)
    return new CatalogKey(given.reveal(), `The credential "${keyCredential}"`);
  return catalogKeyFile(catalogKeyPath(flags, session));
}

/** A credential of systemd, if it is there. */
async function credential(
  name: string,
  { environment, workingDirectory, signal }: CommandSession,
): Promise<Secret | undefined> {
  const directory = environment['CREDENTIALS_DIRECTORY'];
  if (directory === undefined || directory === '') return undefined;
  try {
    await access(path.join(directory, name));
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
  }
  return resolveSecret(
    { credential: name },
    { environment, baseDirectory: workingDirectory },
    `the credential "${name}"`,
    { signal },
  );
}
