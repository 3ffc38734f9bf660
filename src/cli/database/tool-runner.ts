import { localTools, type ToolRunner } from '../../source/database/tool-runner.ts';
import type { CommandSession } from '../session.ts';

interface ToolFlags {
  readonly 'database-container': string | undefined;
  readonly 'database-tools': string | undefined;
}

/** Where the tools of a database run, by the flags. */
export async function databaseTools(
  flags: ToolFlags,
  session: CommandSession,
): Promise<ToolRunner> {
  return localTools({ environment: session.environment, directory: flags['database-tools'] });
}
