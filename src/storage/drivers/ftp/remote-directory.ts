import path from 'node:path';

import { FTPError } from 'basic-ftp';

import { AppError } from '../../../base/errors.ts';
import type { FtpConnection } from './connection.ts';
import { type DirectoryEntry, parseFacts, parseLongLine, parseTime } from './directory-entry.ts';
import { saidIn } from './translate-error.ts';
import { fetchText } from './transfers.ts';

/** What is said of one file. */
export interface FileFacts {
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified?: number;
}

/** Whether an answer may mean that the file or directory is not there; servers say the same of what they do not show. */
export function mayBeMissing(error: unknown): boolean {
  return (
    error instanceof FTPError &&
    (error.code === 550 || error.code === 501 || error.code === 553 || error.code === 450)
  );
}

/** Size and time of a file; `undefined` when the server shows no file of that name, for whatever reason. */
export async function factsOf(
  connection: FtpConnection,
  file: string,
): Promise<FileFacts | undefined> {
  const { features } = connection.server;
  if (!features.has('MLST')) {
    const size = await sizeOf(connection, file);
    if (size === undefined) return undefined;
    const answer = features.has('MDTM') ? await connection.ask(`MDTM ${file}`) : undefined;
    const modified = parseTime(answer?.message.slice(4).trim() ?? '');
    return { size, ...(modified !== undefined && { modified }) };
  }
  const answer = await unlessMissing(() => connection.send(`MLST ${file}`));
  const line = answer?.message.split('\n')[1]?.trimStart();
  const entry = line === undefined ? undefined : parseFacts(line);
  return entry?.kind === 'file' ? entry : undefined;
}

/** Bytes of a file; `undefined` when the server shows no file of that name. */
export async function sizeOf(connection: FtpConnection, file: string): Promise<number | undefined> {
  if (!connection.server.features.has('SIZE')) {
    const entries = await list(connection, path.posix.dirname(file));
    const found = entries?.find(({ name }) => name === path.posix.basename(file));
    return found?.kind === 'file' ? found.size : undefined;
  }
  const answer = await unlessMissing(() => connection.send(`SIZE ${file}`));
  if (answer === undefined) return undefined;
  const size = Number(/^213 +(\d+)/u.exec(answer.message)?.[1] ?? Number.NaN);
  if (Number.isSafeInteger(size)) return size;
  throw new AppError('storage/unavailable', `The server tells no size: ${saidIn(answer)}`);
}

/**
 * What a path is, by the listings of the directories above it: a refusal alone does not tell what is missing from what is not shown.
 * Rejects with `storage/access-denied` when a directory on the way cannot be listed.
 */
export async function kindOf(
  connection: FtpConnection,
  target: string,
): Promise<DirectoryEntry['kind'] | 'missing'> {
  if (target === '/') return 'directory';
  const parent = path.posix.dirname(target);
  let entries = await list(connection, parent);
  if (entries === undefined) {
    if ((await kindOf(connection, parent)) !== 'directory') return 'missing';
    // Somebody may have made it in between.
    entries = await list(connection, parent);
    if (entries === undefined) throw unlistable(parent);
  }
  return entries.find(({ name }) => name === path.posix.basename(target))?.kind ?? 'missing';
}

export function unlistable(directory: string): AppError {
  return new AppError(
    'storage/access-denied',
    `The server does not list the directory "${directory}"`,
    {
      hint: 'Look at the owner and the mode of the directory on the server',
    },
  );
}

/** The entries of a directory, all of them; `undefined` when the server refuses, which may mean that it is not there. */
export async function list(
  connection: FtpConnection,
  directory: string,
): Promise<readonly DirectoryEntry[] | undefined> {
  const hasFacts = connection.server.features.has('MLST');
  // LIST takes patterns and switches for names, and of a missing directory some servers give an empty one: they are told to go there.
  if (!hasFacts && (await unlessMissing(() => connection.send(`CWD ${directory}`))) === undefined)
    return undefined;
  const fetched = await unlessMissing(() =>
    fetchText(connection, hasFacts ? `MLSD ${directory}` : 'LIST -a'),
  );
  if (fetched === undefined) return undefined;
  if (/truncat|fail/iu.test(fetched.said)) {
    throw new AppError(
      'storage/access-denied',
      `The server lists "${directory}" only in part (${saidIn({ message: fetched.said })})`,
      { hint: 'Raise its limit of entries in a listing, as "LimitRecursion" of Pure-FTPd' },
    );
  }
  const lines = fetched.text.split(/\r?\n/u).filter((line) => line !== '');
  if (lines.length === 0 && hasFacts && (await connection.ask(`CWD ${directory}`)) === undefined)
    return undefined;
  return lines.flatMap((line) => (hasFacts ? parseFacts(line) : parseLongLine(line)) ?? []);
}

async function unlessMissing<Result>(call: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await call();
  } catch (error) {
    if (mayBeMissing(error)) return undefined;
    throw error;
  }
}
