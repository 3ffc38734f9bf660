import { localTools, type ToolRunner } from '../../source/database/tool-runner.ts';
import { AppError } from '../../base/errors.ts';
import type { CommandSession } from '../session.ts';

interface ToolFlags {
  readonly 'database-container': string | undefined;
  readonly 'database-tools': string | undefined;
}

/** Where the tools of a database run, by the flags. Dispose of it. @throws AppError `input/usage` */
export async function databaseTools(
  flags: ToolFlags,
  session: CommandSession,
): Promise<ToolRunner & AsyncDisposable> {
  const { environment } = session;
  const directory = flags['database-tools'];
  const container = flags['database-container'];
  if (container === undefined) {
    return { ...localTools({ environment, directory }), async [Symbol.asyncDispose]() {} };
  }
  if (directory !== undefined) {
    throw new AppError('input/usage', '"--database-tools" is a directory of this machine', {
      hint: 'With --database-container the tools are those of the container',
    });
  }
  const { containerTools } = await import('./container-tools.ts');
  return containerTools(container, environment);
}
