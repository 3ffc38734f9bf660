/**
 * Makes `dist/` of the sources: `npm run build`. Modules that are loaded together are put into one file, since Node takes longer to find and load hundreds of files than
 * to run what is in them; those that only some commands need stay apart. Modules that are loaded by their place keep it.
 */
import { globSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const sources = path.join(root, 'src');

/** What `base/program-files.ts` is asked for, below the sources and without extension. */
export function modulesLoadedByPlace(): readonly string[] {
  const names = new Set<string>();
  for (const file of globSync('**/*.ts', { cwd: sources })) {
    const text = readFileSync(path.join(sources, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/\bmoduleFile\('([^']+)'\)/gu)) names.add(name);
  }
  return [...names];
}

/** Makes the program in `directory`, where nothing of what was there is left. `others`: files that share its modules, by the names that they get there. */
export async function buildProgram(
  directory: string,
  others: Readonly<Record<string, string>> = {},
): Promise<void> {
  const names = ['main', ...modulesLoadedByPlace()];
  rmSync(directory, { recursive: true, force: true });
  await build({
    entryPoints: {
      ...Object.fromEntries(names.map((name) => [name, path.join(sources, `${name}.ts`)])),
      ...others,
    },
    outdir: directory,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // Node runs the sources as they are; nothing has to be made simpler for it.
    target: 'esnext',
    packages: 'external',
    tsconfig: path.join(root, 'tsconfig.json'),
    logLevel: 'warning',
  });
}

if (import.meta.main) await buildProgram(path.join(root, 'dist'));
