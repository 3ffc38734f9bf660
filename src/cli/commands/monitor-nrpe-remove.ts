import path from 'node:path';

import { removeNrpe } from '../../service/nagios/nrpe-files.ts';
import type { CommandRun } from '../command.ts';
import type { monitorNrpeRemove } from '../definitions/monitor.ts';
import { tellNrpeChange } from '../tell-nrpe-change.ts';

export const run: CommandRun<typeof monitorNrpeRemove> = async (input, session) => {
  const { directory = '/' } = input.flags;
  const removed = await removeNrpe(path.resolve(session.workingDirectory, directory));
  tellNrpeChange(session.output, 'Removed', removed);
  return 0;
};
