import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { runTool } from '../tool-runner.ts';
import { majorOf, type PostgresqlServer } from './postgresql-server.ts';

/**
 * The program of a name that fits the version of the server: of the same version, else of the next newer one, because older programs refuse to work with newer
 * servers.
 *
 * @throws AppError `database/unsupported` if there is none
 */
export async function choosePostgresqlClient(
  { tools, version, name: server }: PostgresqlServer,
  name: string,
  { signal }: CallOptions = {},
): Promise<string> {
  const wanted = Number(majorOf(version));
  const found: { readonly file: string; readonly major: number }[] = [];
  for (const file of await tools.find(name)) {
    const major = await versionOf(file, tools, signal);
    if (major === wanted) return file;
    if (major !== undefined) found.push({ file, major });
  }
  const [best] = found.filter(({ major }) => major > wanted).toSorted((a, b) => a.major - b.major);
  if (best !== undefined) return best.file;
  const newest = found.toSorted((a, b) => b.major - a.major)[0];
  throw new AppError(
    'database/unsupported',
    newest === undefined
      ? `There is no "${name}" ${tools.place}`
      : `The server "${server}" is PostgreSQL ${wanted}, but the newest "${name}" ${tools.place} is of version ${newest.major}`,
    {
      hint: `Install postgresql-client-${wanted} or a newer one, or run the tools where the server is, with --database-container`,
    },
  );
}

async function versionOf(
  file: string,
  tools: PostgresqlServer['tools'],
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  try {
    const { output } = await runTool(tools, [file, '--version'], { LC_ALL: 'C' }, { signal });
    const match = /\(PostgreSQL\) (\d+)(?:\.(\d+))?/u.exec(output.toString());
    if (match === null) return undefined;
    return Number(match[1]) >= 10 ? Number(match[1]) : Number(`${match[1]}.${match[2] ?? 0}`);
  } catch (error) {
    // One that cannot be run is none; in a container one only learns that by trying.
    if (hasCode(error, 'process/failed')) return undefined;
    throw error;
  }
}
