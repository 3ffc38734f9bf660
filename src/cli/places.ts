import { hostname } from 'node:os';
import path from 'node:path';

import { homeDirectory } from '../base/home-directory.ts';
import { systemRandom } from '../base/random.ts';
import type { LocalPlaces } from '../repository/native/native-repository.ts';
import type { CliContext } from './context.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import type { CommandSession } from './session.ts';

/** Where this machine keeps state and cache, by the XDG rules; for root without a home directory below /var. */
export function localPlaces(flags: GlobalFlagValues, session: CommandSession): LocalPlaces {
  const { workingDirectory, clock, output } = session;
  const cache = flags['cache-dir'];
  return {
    stateDirectory: stateDirectoryOf(flags, session),
    cacheDirectory: flags['no-cache']
      ? undefined
      : cache === undefined
        ? ownDirectory(session, 'XDG_CACHE_HOME', '.cache', '/var/cache')
        : path.resolve(workingDirectory, cache),
    hostName: hostname(),
    clock,
    random: systemRandom,
    warn: (error) => output.report({ type: 'problem', severity: 'warning', error }),
  };
}

/** Where this machine keeps its state: keys, the catalog. */
export function stateDirectoryOf(
  flags: Pick<GlobalFlagValues, 'state-dir'>,
  context: PlaceContext,
): string {
  const given = flags['state-dir'];
  if (given !== undefined) return path.resolve(context.workingDirectory, given);
  return ownDirectory(context, 'XDG_STATE_HOME', '.local/state', '/var/lib');
}

type PlaceContext = Pick<CliContext, 'environment' | 'workingDirectory'>;

function ownDirectory(
  { environment }: PlaceContext,
  variable: string,
  inHome: string,
  inVar: string,
): string {
  const base = environment[variable];
  // A relative one is to be ignored, says the XDG specification.
  if (base !== undefined && path.isAbsolute(base)) return path.join(base, 'holdfast');
  const home = homeOf(environment);
  return home === undefined
    ? path.join(inVar, 'holdfast')
    : path.join(home, ...inHome.split('/'), 'holdfast');
}

function homeOf(environment: CommandSession['environment']): string | undefined {
  const home = environment['HOME'];
  if (home !== undefined && path.isAbsolute(home)) return home;
  // A service that runs as root is often started without one.
  return process.getuid?.() === 0 ? undefined : homeDirectory({});
}
