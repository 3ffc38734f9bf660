import { realpathSync } from 'node:fs';
import path from 'node:path';

import { AppError } from '../base/errors.ts';
import type { PathFilter } from '../model/path-filter.ts';

/**
 * A repository inside what is backed up would be backed up into itself, unless it is left out. Throws an `AppError` (`input/invalid`)
 * then. `place` need not exist yet; links are followed on both sides.
 */
export function refuseNesting(
  sources: readonly Uint8Array[],
  filter: PathFilter,
  place: string,
): void {
  const real = realPath(place);
  for (const source of sources) {
    const text = Buffer.from(source).toString();
    const below = path.relative(realPath(text), real);
    if (below === '..' || below.startsWith('../') || path.isAbsolute(below)) continue;
    // Rules are written for the path as the walk sees it.
    const seen = path.join(text, below);
    const facts = { directory: true, file: false, size: 0, modified: 0 };
    if (below !== '' && !filter.empty && !filter.decide(Buffer.from(seen), facts)) continue;
    if (below === '') {
      throw new AppError('input/invalid', `The repository "${place}" is the source itself`, {
        hint: 'Choose another destination',
      });
    }
    throw new AppError(
      'input/invalid',
      `The repository "${place}" lies inside the source "${text}"`,
      { hint: `Choose another destination, or leave it out with --exclude "${seen}"` },
    );
  }
}

/** Of the part that exists; the rest as it is. */
function realPath(place: string): string {
  try {
    return realpathSync(place);
  } catch {
    const parent = path.dirname(place);
    return parent === place ? place : path.join(realPath(parent), path.basename(place));
  }
}
