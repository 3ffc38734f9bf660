import type { CallOptions } from '../../../base/call-options.ts';
import { checkDump } from '../check-dump.ts';
import { fileNameOf } from '../choose-databases.ts';
import type { DatabaseDump, DumpRequest } from '../database-dump.ts';
import { serverName } from '../database-url.ts';
import { dumpFormats } from '../dump-format.ts';
import { dumpLabel } from '../dump-label.ts';
import { refuseOptions } from '../refuse-options.ts';
import { findTool, readTool } from '../tool-runner.ts';
import { mongodbConfig, mongodbUri } from './mongodb-config.ts';

/**
 * The dump of a server of MongoDB, or of the database that the URL names, by mongodump: one archive, which the repository compresses.
 *
 * @throws AppError `database/unsupported` without the tool, `input/usage`
 */
export async function mongodbDumps(
  request: DumpRequest,
  _options: CallOptions = {},
): Promise<readonly DatabaseDump[]> {
  const { address, tools } = request;
  refuseOptions(request, ['format', 'globals', 'include', 'exclude']);
  const program = await findTool(tools, ['mongodump']);
  const { extension } = dumpFormats.mongodb;
  const fileName = fileNameOf(address.database ?? 'mongodb', extension);
  const what =
    address.database === undefined
      ? `The dump of "${serverName(address)}"`
      : `The dump of "${address.database}"`;
  // Its own patience with a server that does not answer.
  const seconds = Math.max(1, Math.ceil(request.wait / 1000));
  const parameters = new Map([
    ['serverSelectionTimeoutMS', String(seconds * 1000)],
    ...address.parameters,
  ]);
  return [
    {
      database: address.database,
      format: 'mongodb',
      fileName,
      label: dumpLabel(request, fileName, { isOneOfSeveral: false, extension }),
      async *stream({ signal } = {}) {
        await using config = await mongodbConfig(
          address,
          tools.isLocal,
          request.temporaryDirectory,
        );
        const argv = [
          program,
          ...config.arguments,
          `--uri=${mongodbUri({ ...address, parameters })}`,
          ...(request.arguments ?? []),
          '--archive',
        ];
        const read = readTool(tools, argv, {}, { what, secret: address.password, signal });
        yield* checkDump(read, 'mongodb', what);
      },
    },
  ];
}
