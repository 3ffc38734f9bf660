import { flushCompileCache } from 'node:module';
import path from 'node:path';

import { identifyProcess } from '../../base/process-identity.ts';
import { createLog, type ServiceLog } from '../../service/log.ts';
import { ServiceManager } from '../../service/service-manager.ts';
import { Service, type ServiceOptions } from '../../service/service.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import { configurationPlace } from '../configuration-place.ts';
import type { server } from '../definitions/server.ts';
import { fullHostName } from '../jobs/full-host-name.ts';
import { type LogFormat, logText } from '../jobs/log-output.ts';
import { ownProgramSettings } from '../jobs/own-program.ts';
import { showPrinted } from '../jobs/printed-output.ts';
import { publicStatusFile } from '../jobs/publish-once.ts';
import { openCatalogOf } from '../open-catalog.ts';
import { displayText } from '../output/display-text.ts';
import { StreamWriter } from '../output/stream-writer.ts';
import { localPlaces } from '../places.ts';
import type { CommandSession } from '../session.ts';

type Input = CommandInput<typeof server>;

/** In milliseconds. */
const PATIENCE = 9500;

export const run: CommandRun<typeof server> = async ({ flags }, session) => {
  const { clock, signal, timeZone, version } = session;
  const log = serviceLog(flags, session);
  const { stateDirectory } = localPlaces(flags, session);
  const given = await givenConfiguration(flags, session, log);
  await using catalog = await openCatalogOf(flags, session);
  if (given.fromEnvironment !== undefined) {
    await catalog.configuration.replace(given.fromEnvironment, 'environment', { signal });
  }
  const hostName = await fullHostName(session);
  await using service = new Service({
    catalog,
    worker: identifyProcess(),
    clock,
    log,
    program: ownProgramSettings({ ...session, environment: given.environment }, stateDirectory),
    stateDirectory,
    timeZone,
    hostName,
    version,
    publicStatusFile: publicStatusFile(flags, session),
    ...(given.file !== undefined && { configuration: given.file }),
  });
  using _printed = showPrinted(service.feed, printer(flags, session));
  await service.start({ signal });
  using _hangUp = session.onHangUp?.(() => {
    log.info('SIGHUP: the configuration is read again');
    service.reload().catch((error: unknown) => log.error(String(error)));
  });
  await using _http =
    flags.listen === 'none'
      ? undefined
      : await startHttp(service, flags, session, { log, catalog, hostName });
  await using manager = new ServiceManager({
    environment: session.environment,
    clock,
    pid: process.pid,
    warn: (message) => log.warn(message),
  });
  await manager.ready('Runs jobs by their schedules');
  // What Node has made of the sources is written now: it takes seconds, of which there are ten at the end.
  flushCompileCache();
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  log.info('The service ends');
  // Whoever stops us waits for ten seconds; what is not put right by then the next start puts right.
  setTimeout(() => process.exit(1), PATIENCE).unref();
  await manager.stopping();
  return 0;
};

/** What tasks and commands print is part of the log: as it is, or as the message of a JSON object. */
function printer(
  flags: Input['flags'],
  { stdout, clock }: CommandSession,
): Parameters<typeof showPrinted>[1] {
  const writer = new StreamWriter(stdout);
  const isJson = (flags['log-format'] ?? (flags.json ? 'json' : 'text')) === 'json';
  return (line, of) => {
    const record = { time: new Date(clock.now()).toISOString(), level: 'output', message: line };
    writer.write(
      `${isJson ? JSON.stringify({ ...record, ...of }) : line.split('\t').map(displayText).join('\t')}\n`,
    );
  };
}

function serviceLog(flags: Input['flags'], session: CommandSession): ServiceLog {
  const format = (flags['log-format'] ?? (flags.json ? 'json' : 'text')) as LogFormat;
  const writer = new StreamWriter(session.stdout);
  return createLog(
    () => session.clock.now(),
    (line) => {
      if (line.level === 'debug' && !flags.debug) return;
      if (line.level === 'info' && flags.quiet) return;
      writer.write(`${logText(line, format, session.timeZone)}\n`);
    },
  );
}

/** Where the configuration comes from, and the environment that goes with it. */
async function givenConfiguration(
  flags: Input['flags'],
  session: CommandSession,
  log: ServiceLog,
): Promise<{
  readonly file?: ServiceOptions['configuration'];
  readonly fromEnvironment?: Awaited<ReturnType<typeof readEnvironment>>['configuration'];
  readonly environment: CommandSession['environment'];
}> {
  const { environment } = session;
  if (flags['config-from-environment']) {
    const read = await readEnvironment(session);
    for (const warning of read.warnings) log.warn(warning);
    return { fromEnvironment: read.configuration, environment: read.environment };
  }
  const place = flags['no-config'] ? undefined : await configurationPlace(flags.config, session);
  if (place === undefined) return { environment };
  const { readConfiguration, configurationFingerprint } =
    await import('../../configuration/read-configuration.ts');
  return {
    file: {
      place: path.resolve(place),
      read: readConfiguration,
      fingerprint: configurationFingerprint,
    },
    environment,
  };
}

async function readEnvironment({ environment, signal }: CommandSession) {
  const { configurationFromEnvironment } =
    await import('../../configuration/environment/configuration-from-environment.ts');
  return await configurationFromEnvironment(environment, { signal });
}

async function startHttp(
  service: Service,
  flags: Input['flags'],
  session: CommandSession,
  given: Pick<ServiceOptions, 'log' | 'catalog' | 'hostName'>,
): Promise<AsyncDisposable> {
  const { clock, environment, version } = session;
  const [{ startHttpServer }, { apiToken }, { DEFAULT_LISTEN }] = await Promise.all([
    import('../../server/start-http-server.ts'),
    import('../../server/api-token.ts'),
    import('../../server/listen.ts'),
  ]);
  const { stateDirectory } = localPlaces(flags, session);
  const http = await startHttpServer({
    ...given,
    clock,
    version,
    statuses: service.statuses,
    feed: service.feed,
    standstill: () => service.standstill,
    testChannel: (name, settings, options) => service.testChannel(name, settings, options),
    token: await apiToken(stateDirectory, environment),
    listen: flags.listen ?? DEFAULT_LISTEN,
  });
  given.log.info(`Listens at ${http.url}`);
  return http;
}
