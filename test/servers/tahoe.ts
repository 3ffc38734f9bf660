import type { ServerKind } from './server-kind.ts';
import { type TahoeSimulator, tahoeSimulator } from './simulators/tahoe.ts';

/** A simulated node of Tahoe-LAFS: a grid of five nodes is too much to start for a test, and no package has it. */
export const serverKind: ServerKind<TahoeSimulator> = {
  name: 'tahoe',
  programs: [],
  start: tahoeSimulator,
  usage: ({ nodeDirectory }) => `tahoe://backups/place?node-directory=${nodeDirectory}`,
};
