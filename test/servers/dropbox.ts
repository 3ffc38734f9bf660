import { fileURLToPath } from 'node:url';

import type { ServerKind } from './server-kind.ts';
import { simulatedAccount } from './simulators/simulated-oauth.ts';
import { type SimulatorServer, startSimulator } from './simulators/start-simulator.ts';

/** A simulated Dropbox. */
export const serverKind: ServerKind<SimulatorServer> = {
  name: 'dropbox',
  programs: [],
  start: () => startSimulator(fileURLToPath(import.meta.resolve('./simulators/dropbox.ts'))),
  usage: ({ port }) =>
    `dropbox://backups?endpoint=http://127.0.0.1:${port}&access-token=${simulatedAccount.accessToken}`,
};
