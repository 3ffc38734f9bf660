import path from 'node:path';

import { FTPError } from 'basic-ftp';

import { AppError } from '../../../base/errors.ts';
import type { FtpConnection } from './connection.ts';
import { kindOf, sizeOf } from './remote-directory.ts';
import { upload } from './transfers.ts';

/** Rejects with `storage/unavailable` when less than all of a file arrived: a connection that breaks looks to the server like the end of the file. */
export async function confirm(
  connection: FtpConnection,
  temporary: string,
  { name, size }: { readonly name: string; readonly size: number },
): Promise<void> {
  const arrived = await sizeOf(connection, temporary);
  if (arrived === size) return;
  throw new AppError(
    'storage/unavailable',
    `Cannot store "${name}": ${arrived ?? 'none'} of ${size} bytes arrived`,
  );
}

/** Says what is in the way when a directory cannot be written to. */
export async function inTheWayOf(
  connection: FtpConnection,
  directory: string,
  error: unknown,
): Promise<unknown> {
  for (let at = directory; at !== '/'; at = path.posix.dirname(at)) {
    const kind = await kindOf(connection, at).catch(() => 'missing');
    if (kind === 'directory') break;
    if (kind === 'file')
      return new AppError(
        'storage/access-denied',
        `"${at}" on the server is a file, and no directory`,
        {
          cause: error,
          hint: 'Choose another path',
        },
      );
  }
  return error;
}

/**
 * Some servers tell of a full disk as of any other error, 451. What was sent so far still fills the disk, so a small one shows which it is.
 */
export async function reasonFor(
  connection: FtpConnection,
  temporary: string,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof FTPError) || error.code !== 451 || connection.unusable) return error;
  try {
    await connection.prepare(() => Promise.resolve());
    await upload(connection, `${temporary}-probe`, {
      name: 'a probe',
      body: new Uint8Array(65_536),
    });
    return error;
  } catch (failure) {
    return failure instanceof FTPError && (failure.code === 452 || failure.code === 552)
      ? failure
      : error;
  } finally {
    if (!connection.unusable)
      await connection.ask(`DELE ${temporary}-probe`).catch(() => undefined);
  }
}
