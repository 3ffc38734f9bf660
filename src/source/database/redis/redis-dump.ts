import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { checkDump } from '../check-dump.ts';
import type { DatabaseDump, DumpRequest } from '../database-dump.ts';
import { checkParameters, type DatabaseAddress, hostAndPort, serverName } from '../database-url.ts';
import { dumpFormats } from '../dump-format.ts';
import { dumpLabel } from '../dump-label.ts';
import { refuseOptions } from '../refuse-options.ts';
import {
  findTool,
  readTool,
  runTool,
  type ToolEnvironment,
  withoutSecret,
} from '../tool-runner.ts';
import { waitForServer } from '../wait-for-server.ts';
import { checkRdb } from './rdb-stream.ts';

/**
 * The dump of a server of Redis (or Valkey): all of its databases as of one moment, sent to redis-cli as to a replica.
 *
 * @throws AppError `database/…`, `input/usage`
 */
export async function redisDumps(
  request: DumpRequest,
  { signal }: CallOptions = {},
): Promise<readonly DatabaseDump[]> {
  const { address, tools, clock, wait } = request;
  refuseOptions(request, ['format', 'globals', 'include', 'exclude']);
  if (address.database !== undefined) {
    throw new AppError('input/usage', 'A dump of Redis holds all databases of the server', {
      hint: `Leave "/${address.database}" out of the URL`,
    });
  }
  const client = await findTool(tools, ['redis-cli', 'valkey-cli']);
  const environment: ToolEnvironment = {
    LC_ALL: 'C',
    ...(address.password !== undefined && { REDISCLI_AUTH: address.password.reveal() }),
  };
  const command = [client, ...connectionArguments(address), '--no-auth-warning'];
  const name = serverName(address, tools.serverName);
  await waitForServer(
    async (left) => {
      const end = await runTool(tools, [...command, 'PING'], environment, {
        signal,
        timeLimit: left + 2000,
      });
      // It ends with 0 even if the server has refused the command.
      const said = end.output.toString().trim();
      if (said === 'PONG') return { answer: undefined };
      const words = withoutSecret(
        end.timedOut
          ? 'it took too long'
          : [said, end.lastWords].filter((text) => text !== '').join('\n'),
        address.password,
      );
      if (!end.timedOut && /^(?:NOAUTH|NOPERM|WRONGPASS|AUTH failed|ERR|-?DENIED)/mu.test(words)) {
        throw new AppError('database/failed', `Cannot connect to "${name}": ${words}`);
      }
      return { notYet: words };
    },
    { server: name, wait, clock, signal },
  );
  const { extension } = dumpFormats.redis;
  const fileName = `redis${extension}`;
  const what = `The dump of "${name}"`;
  return [
    {
      database: undefined,
      format: 'redis',
      fileName,
      label: dumpLabel(request, fileName, { isOneOfSeveral: false, extension }),
      async *stream(options = {}) {
        const argv = [...command, ...(request.arguments ?? []), '--rdb', '-'];
        const read = readTool(tools, argv, environment, {
          what,
          secret: address.password,
          signal: options.signal,
        });
        yield* checkDump(checkRdb(read, what), 'redis', what);
      },
    },
  ];
}

const tlsParameters = ['cacert', 'cacertdir', 'cert', 'key', 'sni', 'insecure'];

function connectionArguments(address: DatabaseAddress): readonly string[] {
  checkParameters(address, ['socket', ...tlsParameters]);
  const { host, port } = hostAndPort(address);
  const socket = address.parameters.get('socket');
  const tls = tlsParameters.flatMap((name) => {
    const value = address.parameters.get(name);
    if (value === undefined) return [];
    return name === 'insecure' ? ['--insecure'] : [`--${name}`, value];
  });
  return [
    ...(host === undefined ? [] : ['-h', host]),
    ...(port === undefined ? [] : ['-p', port]),
    ...(socket === undefined ? [] : ['-s', socket]),
    ...(address.user === undefined ? [] : ['--user', address.user]),
    ...(address.scheme === 'rediss' ? ['--tls'] : []),
    ...tls,
  ];
}
