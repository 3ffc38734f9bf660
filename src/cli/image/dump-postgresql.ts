import { access } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../../base/errors.ts';
import { makeDirectories } from '../../base/make-directories.ts';
import { systemRandom } from '../../base/random.ts';
import { DEFAULT_SOURCE } from '../../configuration/environment/destination-variables.ts';
import type { Environment } from '../../configuration/environment/environment-reader.ts';
import { parseDatabaseUrl } from '../../source/database/database-url.ts';
import { placeFile } from '../../source/database/place-file.ts';
import { postgresqlDumps } from '../../source/database/postgresql/postgresql-dumps.ts';
import { localTools } from '../../source/database/tool-runner.ts';
import type { CliContext } from '../context.ts';
import { StreamWriter } from '../output/stream-writer.ts';

/** How long a server that does not answer is waited for, in milliseconds. */
const PATIENCE = 60_000;

/**
 * Dumps each database of the server of PostgreSQL that the environment names (`PGHOST`, by default `db`, and the other variables of libpq) as plain SQL, without
 * owners and rights, to `<database>.sql` in `SRC`: those whose names fit `DBS_TO_INCLUDE` and not `DBS_TO_EXCLUDE`, but neither templates nor `postgres`. A file
 * appears when its dump is complete; one that fails leaves the old one and ends the command. `DB_VERSION` chooses among programs of several versions.
 *
 * @throws AppError `database/…`, `input/invalid`
 */
export async function dumpPostgresql(
  argv: readonly string[],
  { environment, clock, signal, stdout }: CliContext,
): Promise<number> {
  if (argv.length > 0)
    throw new AppError('input/usage', `"image dump" takes no argument such as "${argv[0]!}"`);
  const source = environment['SRC'] || DEFAULT_SOURCE;
  const directory = source.replace(/^file:\/\/(?=\/)/u, '');
  await makeDirectories(directory);
  const programs = await programsOf(environment);
  const exclude = environment['DBS_TO_EXCLUDE'] || undefined;
  const dumps = await postgresqlDumps(
    {
      address: parseDatabaseUrl(serverUrl(environment)),
      tools: localTools({ environment, ...(programs !== undefined && { directory: programs }) }),
      clock,
      format: 'plain',
      globals: false,
      include: environment['DBS_TO_INCLUDE'] || undefined,
      exclude: exclude === undefined ? '^postgres$' : `(${exclude})|^postgres$`,
      arguments: ['--no-owner', '--no-privileges'],
      wait: PATIENCE,
    },
    { signal },
  );
  const writer = new StreamWriter(stdout);
  for (const dump of dumps) {
    const file = path.join(directory, dump.fileName);
    await placeFile(file, dump.stream({ signal }), {
      signal,
      random: systemRandom,
      // The stream has ended only if the dump is complete.
      check: () => Promise.resolve(),
    });
    writer.write(`Dumped "${dump.database ?? ''}" to ${file}\n`);
  }
  await writer.flush();
  return 0;
}

function serverUrl(environment: Environment): string {
  const host = environment['PGHOST'] || 'db';
  const port = environment['PGPORT'] || '5432';
  const user = encodeURIComponent(environment['PGUSER'] || 'postgres');
  // A directory with the socket of the server.
  return host.startsWith('/')
    ? `postgresql://${user}@/?host=${encodeURIComponent(host)}&port=${port}`
    : `postgresql://${user}@${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Where the programs of the wanted version are; otherwise whichever fit the server are looked for. */
async function programsOf({ DB_VERSION }: Environment): Promise<string | undefined> {
  if (DB_VERSION === undefined || !/^\d+(?:\.\d+)?$/u.test(DB_VERSION)) return undefined;
  for (const directory of [
    `/usr/lib/postgresql/${DB_VERSION}/bin`,
    `/usr/pgsql-${DB_VERSION}/bin`,
    `/usr/libexec/postgresql${DB_VERSION}`,
  ]) {
    const isThere = await access(path.join(directory, 'pg_dump')).then(
      () => true,
      () => false,
    );
    if (isThere) return directory;
  }
  return undefined;
}
