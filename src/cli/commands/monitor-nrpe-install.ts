import { fileURLToPath } from 'node:url';
import { hostname } from 'node:os';
import path from 'node:path';

import { packageFile } from '../../base/program-files.ts';
import { installNrpe } from '../../service/nagios/nrpe-files.ts';
import type { CommandRun } from '../command.ts';
import type { monitorNrpeInstall } from '../definitions/monitor.ts';
import { tellNrpeChange } from '../tell-nrpe-change.ts';

export const run: CommandRun<typeof monitorNrpeInstall> = async (input, session) => {
  const { directory = '/', context = 'juju', unit, servicegroups, program } = input.flags;
  const given = (file: string): string => path.resolve(session.workingDirectory, file);
  const statusFile = input.flags['status-file'];
  const changed = await installNrpe({
    directory: given(directory),
    program: program === undefined ? fileURLToPath(packageFile('bin/holdfast')) : given(program),
    statusFile: statusFile === undefined ? undefined : given(statusFile),
    context,
    unit: unit ?? hostname(),
    servicegroups,
  });
  tellNrpeChange(session.output, 'Written', changed);
  return 0;
};
