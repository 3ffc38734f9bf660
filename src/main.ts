import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import path from 'node:path';

// Before anything else is loaded: the cache keeps what Node made of each file, which halves the start-up. A directory that cannot
// be written is no error. Threads find it through the environment only; `outsideEnvironment` keeps it from other programs.
const given = process.env['NODE_COMPILE_CACHE'];
const cache =
  given ??
  path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'holdfast', 'code');
enableCompileCache(cache);
if (given === undefined) {
  process.env['NODE_COMPILE_CACHE'] = cache;
  process.env['HOLDFAST_OWN_VARIABLES'] =
    `${process.env['HOLDFAST_OWN_VARIABLES'] ?? ''} NODE_COMPILE_CACHE`;
}

const [{ runCommandLine }, { processContext }, { givenWords }] = await Promise.all([
  import('./cli/run.ts'),
  import('./cli/process-context.ts'),
  import('./cli/given-words.ts'),
]);

using context = processContext();
process.exitCode = await runCommandLine(givenWords(process.argv.slice(2)), context);
