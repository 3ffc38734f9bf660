import { existsSync } from 'node:fs';

/** Sources run as TypeScript, the published program as JavaScript. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** The directory of `main`: the sources, or what `npm run build` made of them, where modules lie together in other files than here. */
const root = findRoot();

function findRoot(): URL {
  let directory = new URL('.', import.meta.url);
  while (!existsSync(new URL(`main.${extension}`, directory))) {
    const above = new URL('..', directory);
    if (above.href === directory.href) throw new Error('The files of the program lie apart');
    directory = above;
  }
  return directory;
}

/** A module that is loaded by its place: as a thread, or by one. `name`: below the sources, without its extension. */
export function moduleFile(name: string): URL {
  return new URL(`${name}.${extension}`, root);
}

/** A file of the package, beside the sources. */
export function packageFile(name: string): URL {
  return new URL(`../${name}`, root);
}
