import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { checkDump } from '../check-dump.ts';
import type { LoadedDatabase, LoadRequest } from '../database-load.ts';
import { throwIfFailed, runTool } from '../tool-runner.ts';
import { choosePostgresqlClient } from './choose-client.ts';
import { connectionUri, openPostgresqlServer, queryPostgresql } from './postgresql-server.ts';

/** Roles of the largest servers are far below. */
const mostBytes = 64 * 1024 * 1024;

/**
 * Loads roles and tablespaces. Those that are there already are not made again, but get the properties and members that the dump says. With `scratch` all is undone at the end,
 * and tablespaces, which cannot be, are left out.
 *
 * @throws AppError `database/…`, `input/usage`
 */
export async function loadGlobals(
  request: LoadRequest,
  entrances: readonly string[],
  { signal }: CallOptions = {},
): Promise<LoadedDatabase> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const piece of checkDump(request.dump, request.format, 'The dump')) {
    parts.push(Buffer.from(piece));
    length += piece.length;
    if (length > mostBytes) throw new AppError('database/failed', 'The dump of roles is too large');
  }
  const server = await openPostgresqlServer(request, entrances, { signal });
  const what = `Loading roles and tablespaces into "${server.name}"`;
  const names = await queryPostgresql(
    server,
    server.entrance,
    "SELECT 'ROLE ' || quote_ident(rolname) FROM pg_roles UNION ALL SELECT 'TABLESPACE ' || quote_ident(spcname) FROM pg_tablespace",
    what,
    { signal },
  );
  const there = new Set(names);
  const text = Buffer.concat(parts).toString('utf8');
  const script = text
    .split('\n')
    .filter((line) => {
      const made =
        /^CREATE (ROLE (?:"(?:[^"]|"")*"|[^ ;"]+)|TABLESPACE (?:"(?:[^"]|"")*"|[^ ;"]+))/u.exec(
          line,
        );
      if (made !== null && there.has(made[1]!)) return false;
      return (
        !request.scratch || !/^(?:CREATE|ALTER) TABLESPACE |^[A-Z].* ON TABLESPACE /u.test(line)
      );
    })
    .join('\n');
  const psql = await choosePostgresqlClient(server, 'psql', { signal });
  const argv = [
    psql,
    '--no-psqlrc',
    '--no-password',
    '--quiet',
    '--set=ON_ERROR_STOP=1',
    '--file=-',
    `--dbname=${connectionUri(server.address, server.entrance)}`,
  ];
  const end = await runTool(server.tools, argv, server.environment, {
    signal,
    input: request.scratch ? `BEGIN;\n${script}\nROLLBACK;\n` : script,
  });
  throwIfFailed('psql', end, { what, secret: server.address.password });
  const roles = text.match(/^CREATE ROLE /gmu)?.length ?? 0;
  return {
    name: server.name,
    ...(request.scratch && { tables: [{ name: 'roles', rows: roles }] }),
  };
}
