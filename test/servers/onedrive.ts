import { fileURLToPath } from 'node:url';

import type { ServerKind } from './server-kind.ts';
import { simulatedUrl } from './simulators/simulated-oauth.ts';
import { type SimulatorServer, startSimulator } from './simulators/start-simulator.ts';

/** A simulated Microsoft Graph with the drives of a user, a site and a group. */
export const serverKind: ServerKind<SimulatorServer> = {
  name: 'onedrive',
  programs: [],
  start: () => startSimulator(fileURLToPath(import.meta.resolve('./simulators/onedrive.ts'))),
  usage: ({ port }) => simulatedUrl('onedrive://backups', { port }),
};
