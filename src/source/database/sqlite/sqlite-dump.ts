import { open } from 'node:fs/promises';
import path from 'node:path';
import { backup } from 'node:sqlite';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import { checkDump } from '../check-dump.ts';
import type { DatabaseDump, DumpRequest } from '../database-dump.ts';
import { checkParameters } from '../database-url.ts';
import { dumpLabel } from '../dump-label.ts';
import { refuseOptions } from '../refuse-options.ts';
import { temporaryDirectory } from '../temporary-directory.ts';
import { checkSqliteFile, openSqlite } from './sqlite-file.ts';

/** Pages that are copied before others get their turn. */
const pagesAtOnce = 2000;
const pieceLength = 1024 * 1024;

/**
 * The dump of a file of SQLite: a copy of it as of one moment, made by SQLite's own online backup while others may write to it. The copy lies in the temporary
 * directory until it is read, because SQLite cannot write it in order; it is looked over before anything of it is used.
 *
 * @throws AppError `source/missing`, `database/…`
 */
export async function sqliteDumps(
  request: DumpRequest,
  _options: CallOptions = {},
): Promise<readonly DatabaseDump[]> {
  const { address, tools } = request;
  refuseOptions(request, ['format', 'globals', 'include', 'exclude', 'arguments']);
  checkParameters(address, []);
  if (!tools.isLocal) {
    throw new AppError(
      'input/usage',
      'A file of SQLite is read on this machine, not in a container',
      {
        hint: 'Give the path under which this machine sees it',
      },
    );
  }
  const file = address.database!;
  // Whether it is there and a database is told before a repository is made.
  openSqlite(file, request.wait).close();
  const fileName = path.basename(file);
  return [
    {
      database: file,
      format: 'sqlite',
      fileName,
      label:
        request.name === undefined
          ? `sqlite${file}`
          : dumpLabel(request, fileName, { isOneOfSeveral: false, extension: '' }),
      stream: (options) => dumpSqlite(file, request, options),
    },
  ];
}

async function* dumpSqlite(
  file: string,
  { wait, temporaryDirectory: parent }: DumpRequest,
  { signal }: CallOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  const what = `The copy of "${file}"`;
  await using directory = await temporaryDirectory(parent);
  const copy = path.join(directory.path, 'copy');
  const source = openSqlite(file, wait);
  try {
    // What is read in this transaction stays as it is, so that the copy ends however much others write.
    source.exec('BEGIN');
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    await backup(source, copy, {
      rate: pagesAtOnce,
      progress: () => signal?.throwIfAborted(),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new AppError('database/failed', `${what} failed: ${messageOf(cause)}`, {
      cause,
      hint: `It is made in "${directory.path}", which needs room for all of it`,
    });
  } finally {
    source.close();
  }
  signal?.throwIfAborted();
  await checkSqliteFile(copy, what);
  yield* checkDump(readPieces(copy, signal), 'sqlite', what);
}

async function* readPieces(
  file: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const handle = await open(file);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await handle.read(
        Buffer.allocUnsafe(pieceLength),
        0,
        pieceLength,
      );
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
