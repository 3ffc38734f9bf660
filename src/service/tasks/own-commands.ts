import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { packageFile } from '../../base/program-files.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where `backup`, `restore`, `dup`, `duplicity`, `execute-restore` and `holdfast` are, for commands that call them by these names. */
const ownCommands = fileURLToPath(packageFile('bin/image'));

/** Where POSIX systems have their programs if nothing says where. */
const usualPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** An environment in which our own commands are found, after all others of the same names. */
export function withOwnCommands(environment: Environment): Environment {
  const PATH = environment['PATH'] || usualPath;
  if (PATH.split(path.delimiter).includes(ownCommands)) return environment;
  return { ...environment, PATH: `${PATH}${path.delimiter}${ownCommands}` };
}
