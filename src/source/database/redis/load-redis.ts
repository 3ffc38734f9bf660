import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { checkDump } from '../check-dump.ts';
import type { LoadedDatabase, LoadedTable, LoadRequest } from '../database-load.ts';
import { isOccupied, placeFile } from '../place-file.ts';
import { temporaryDirectory } from '../temporary-directory.ts';
import { findTool, runTool, type Tool } from '../tool-runner.ts';
import { waitForServer } from '../wait-for-server.ts';
import { checkRdb } from './rdb-stream.ts';

/**
 * Puts a dump of Redis where a server will find it when it starts, or, with `scratch`, starts a server of its own with it, on a socket that only this account
 * can reach.
 *
 * @throws AppError `target/…`, `database/…`, `input/usage` for a running server, and what reading the dump throws
 */
export async function loadRedis(
  request: LoadRequest,
  { signal }: CallOptions = {},
): Promise<LoadedDatabase> {
  const { random, target, scratch } = request;
  const dump = checkRdb(checkDump(request.dump, 'redis', 'The dump'), 'The dump');
  const check = async (): Promise<void> => {};
  if (scratch) {
    if (!request.tools.isLocal) {
      throw new AppError(
        'input/usage',
        'A dump of Redis is tried out on this machine, not in a container',
        {
          hint: 'Leave --database-container out',
        },
      );
    }
    await using directory = await temporaryDirectory(request.temporaryDirectory);
    await placeFile(path.join(directory.path, 'dump.rdb'), dump, { random, check, signal });
    return { name: directory.path, tables: await countKeys(request, directory.path, { signal }) };
  }
  const file = target.database;
  if (file === undefined || target.server !== '') {
    throw new AppError('input/usage', 'A running server of Redis loads no dump', {
      hint: 'Stop it, give the path of its dump file (--to /var/lib/redis/dump.rdb --clean), let it belong to the user redis, and start it with "appendonly no"',
    });
  }
  if ((await isOccupied(file)) && !request.clean) {
    throw new AppError('target/refused', `"${file}" is there already`, {
      hint: 'Choose another path, or replace it with --clean',
    });
  }
  await placeFile(file, dump, { random, check, signal });
  return { name: file };
}

const listening = ['--port', '0', '--unixsocketperm', '700'];
const settings = ['--dbfilename', 'dump.rdb', '--save', '', '--appendonly', 'no'];

async function countKeys(
  { tools, clock, wait }: LoadRequest,
  directory: string,
  { signal }: CallOptions,
): Promise<readonly LoadedTable[]> {
  const program = await findTool(tools, ['redis-server', 'valkey-server']);
  const client = await findTool(tools, ['redis-cli', 'valkey-cli']);
  const socket = path.join(directory, 'socket');
  // Settings on the command line; no file of the system is read.
  await using server = await tools.start(
    [program, ...listening, '--unixsocket', socket, '--dir', directory, ...settings],
    {},
    { signal },
  );
  server.output.resume();
  let failure: string | undefined;
  void server.ended.then(
    ({ lastWords, status }) => void (failure = lastWords || `it ended with status ${status}`),
    () => undefined,
  );
  const ask = async (...command: string[]): Promise<string> => {
    const { output } = await runTool(tools, [client, '-s', socket, ...command], {}, { signal });
    return output.toString().trim();
  };
  await waitForServer(
    async () => {
      refuseDead(server, failure);
      return (await ask('PING')) === 'PONG'
        ? { answer: undefined }
        : { notYet: 'it is loading the dump' };
    },
    { server: 'scratch', wait: Math.max(wait, 600_000), clock, signal },
  );
  const keyspace = await ask('INFO', 'keyspace');
  return Array.from(keyspace.matchAll(/^(db\d+):keys=(\d+)/gmu), ([, name, keys]) => ({
    name: name!,
    rows: Number(keys),
  }));
}

function refuseDead(server: Tool, failure: string | undefined): void {
  if (failure === undefined) return;
  throw new AppError(
    'database/failed',
    `"${path.basename(server.name)}" could not load the dump: ${failure}`,
  );
}
