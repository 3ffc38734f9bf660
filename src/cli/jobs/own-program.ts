import { accessSync, constants } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { packageFile } from '../../base/program-files.ts';
import type { OwnProgramSettings } from '../../service/program/own-program.ts';
import type { CommandSession } from '../session.ts';

/** How operations are started as children: by the launcher of this installation, which sets memory limits, or as this process was if there is none. */
export function ownProgramSettings(
  { environment, workingDirectory }: Pick<CommandSession, 'environment' | 'workingDirectory'>,
  stateDirectory: string,
): OwnProgramSettings {
  return {
    argv: ownProgramArgv(),
    // Where we were told to keep things, they keep theirs.
    environment: { ...environment, HOLDFAST_STATE_DIR: stateDirectory },
    directory: workingDirectory,
  };
}

/** The program, and arguments that stand before the command. */
export function ownProgramArgv(): readonly string[] {
  const launcher = fileURLToPath(packageFile('bin/holdfast'));
  try {
    accessSync(launcher, constants.X_OK);
    return [launcher];
  } catch {
    return [process.execPath, ...process.execArgv, process.argv[1]!];
  }
}
