import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import path from 'node:path';

// Before anything else is loaded: the cache keeps what Node made of each file, which halves the start-up. A directory that cannot
// be written is no error.
enableCompileCache(
  process.env['NODE_COMPILE_CACHE'] ??
    path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'holdfast', 'code'),
);

const [{ runCommandLine }, { processContext }] = await Promise.all([
  import('./cli/run.ts'),
  import('./cli/process-context.ts'),
]);

using context = processContext();
process.exitCode = await runCommandLine(process.argv.slice(2), context);
