import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../../base/errors.ts';
import { fileReason } from '../../base/file-reason.ts';
import { CatalogKey, settleKey, writeNextKey } from '../../catalog/catalog-key.ts';
import { acquireInstanceLock } from '../../service/instance-lock.ts';
import type { CommandRun } from '../command.ts';
import type { catalogRekey } from '../definitions/catalog.ts';
import { catalogKeyOf, catalogKeyPath, openCatalogOf } from '../open-catalog.ts';
import { localPlaces } from '../places.ts';
import type { CommandSession } from '../session.ts';

export const run: CommandRun<typeof catalogRekey> = async ({ flags }, session) => {
  const { output, clock, signal } = session;
  const given = flags['new-key-file'];
  const isInFile = !((await catalogKeyOf(flags, session)) instanceof CatalogKey);
  if (given === undefined && !isInFile) {
    throw new AppError(
      'input/usage',
      'The key of the catalog does not come from a file, so there is no place for a new one',
      { hint: 'Write a new key to a file and name it with --new-key-file' },
    );
  }
  const key = given === undefined ? CatalogKey.random() : await readGiven(given, session);
  const file = catalogKeyPath(flags, session);
  // Two that put a new key beside the old one would lose each other's.
  using _ = await acquireInstanceLock({
    directory: path.join(localPlaces(flags, session).stateDirectory, 'locks'),
    name: 'catalog-key',
    mode: 'fail',
    clock,
    signal,
  });
  await using catalog = await openCatalogOf(flags, session);
  const question = `Change the key of the catalog "${catalog.location}"? Programs that have it open must be started again`;
  if (!(await session.confirm(question, flags.yes))) return 130;
  if (given === undefined) await writeNextKey(file, key);
  await catalog.changeKey(key, { signal });
  if (given === undefined) await settleKey(file, key);
  const place = given === undefined ? file : path.resolve(session.workingDirectory, given);
  output.object({ type: 'catalog-rekeyed', location: catalog.location, keyFile: place });
  output.line(`The catalog "${catalog.location}" has the key in "${place}" now`);
  if (given !== undefined)
    output.note('Name that file with --catalog-key-file from now on, or give the key another way');
  return 0;
};

async function readGiven(
  file: string,
  { workingDirectory, signal }: CommandSession,
): Promise<CatalogKey> {
  try {
    const text = await readFile(path.resolve(workingDirectory, file), { encoding: 'utf8', signal });
    return new CatalogKey(text, `The key in "${file}"`);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    signal.throwIfAborted();
    throw new AppError('input/invalid', `Cannot read the key in "${file}": ${fileReason(cause)}`, {
      cause,
    });
  }
}
