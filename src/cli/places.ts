import { hostname, userInfo } from 'node:os';
import path from 'node:path';

import { systemRandom } from '../base/random.ts';
import type { LocalPlaces } from '../repository/native/native-repository.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import type { CommandSession } from './session.ts';

/** Where this machine keeps state and cache, by the XDG rules; for root without a home directory below /var. */
export function localPlaces(flags: GlobalFlagValues, session: CommandSession): LocalPlaces {
  const { environment, workingDirectory, clock, output } = session;
  const given = (place: string): string => path.resolve(workingDirectory, place);
  const own = (variable: string, inHome: string, inVar: string): string => {
    const base = environment[variable];
    // A relative one is to be ignored, says the XDG specification.
    if (base !== undefined && path.isAbsolute(base)) return path.join(base, 'holdfast');
    const home = homeOf(environment);
    return home === undefined
      ? path.join(inVar, 'holdfast')
      : path.join(home, ...inHome.split('/'), 'holdfast');
  };
  const state = flags['state-dir'];
  const cache = flags['cache-dir'];
  return {
    stateDirectory:
      state === undefined ? own('XDG_STATE_HOME', '.local/state', '/var/lib') : given(state),
    cacheDirectory: flags['no-cache']
      ? undefined
      : cache === undefined
        ? own('XDG_CACHE_HOME', '.cache', '/var/cache')
        : given(cache),
    hostName: hostname(),
    clock,
    random: systemRandom,
    warn: (error) => output.report({ type: 'problem', severity: 'warning', error }),
  };
}

function homeOf(environment: CommandSession['environment']): string | undefined {
  const home = environment['HOME'];
  if (home !== undefined && path.isAbsolute(home)) return home;
  // A service that runs as root is often started without one.
  return process.getuid?.() === 0 ? undefined : userInfo().homedir;
}
