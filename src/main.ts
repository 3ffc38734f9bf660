import { enableCompileCache } from 'node:module';
import path from 'node:path';

import { homeDirectory } from './base/home-directory.ts';

// Before anything else is loaded: the cache keeps what Node made of each file, which halves the start-up. A directory that cannot
// be written is no error. Threads find it through the environment only; `outsideEnvironment` keeps it from other programs.
const given = process.env['NODE_COMPILE_CACHE'];
const home = homeDirectory(process.env);
const caches = process.env['XDG_CACHE_HOME'] || (home && path.join(home, '.cache'));
const cache = given ?? (caches && path.join(caches, 'holdfast', 'code'));
if (cache !== undefined) enableCompileCache(cache);
if (given === undefined && cache !== undefined) {
  process.env['NODE_COMPILE_CACHE'] = cache;
  process.env['HOLDFAST_OWN_VARIABLES'] =
    `${process.env['HOLDFAST_OWN_VARIABLES'] ?? ''} NODE_COMPILE_CACHE`;
}

const [{ runCommandLine }, { processContext }, { givenWords }, { keepPoolAwake }] =
  await Promise.all([
    import('./cli/run.ts'),
    import('./cli/process-context.ts'),
    import('./cli/given-words.ts'),
    import('./base/thread-pool.ts'),
  ]);

using _awake = keepPoolAwake();
using context = processContext();
process.exitCode = await runCommandLine(givenWords(process.argv.slice(2)), context);
