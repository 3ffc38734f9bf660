import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { checkDump } from '../check-dump.ts';
import type { LoadedDatabase, LoadRequest } from '../database-load.ts';
import { serverName } from '../database-url.ts';
import { feedTool } from '../feed-tool.ts';
import { findTool, throwIfFailed } from '../tool-runner.ts';
import { mongodbConfig, mongodbUri } from './mongodb-config.ts';

/**
 * Loads an archive by mongorestore, which stops at the first error. Collections that are there are an error, or are replaced with `clean`.
 *
 * @throws AppError `database/…`, `input/usage`, and what reading the dump throws
 */
export async function loadMongodb(
  request: LoadRequest,
  { signal }: CallOptions = {},
): Promise<LoadedDatabase> {
  const { target, tools, scratch } = request;
  if (scratch || request.create) {
    const flag = scratch ? '--scratch' : '--create';
    throw new AppError('input/usage', `"${flag}" is not for MongoDB`, {
      hint: scratch
        ? 'Load it into a server that is there for trials, with --clean'
        : 'It makes databases by itself; leave it out',
    });
  }
  if (target.database !== undefined) {
    throw new AppError(
      'input/usage',
      'An archive of MongoDB says itself which databases it is loaded into',
      {
        hint: 'Leave the name out of the URL; --database-argument=--nsFrom=…, --nsTo=… rename, --nsInclude=… chooses',
      },
    );
  }
  const program = await findTool(tools, ['mongorestore']);
  await using config = await mongodbConfig(target, tools.isLocal, request.temporaryDirectory);
  const argv = [
    program,
    ...config.arguments,
    `--uri=${mongodbUri(target)}`,
    '--stopOnError',
    ...(request.clean ? ['--drop'] : []),
    ...request.arguments,
    '--archive',
  ];
  const dump = checkDump(request.dump, 'mongodb', 'The dump');
  const end = await feedTool(tools, argv, {}, dump, { signal });
  throwIfFailed(program, end, {
    what: `Loading the archive into "${serverName(target)}"`,
    secret: target.password,
  });
  return { name: serverName(target) };
}
