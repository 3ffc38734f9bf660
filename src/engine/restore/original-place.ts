import { asBuffer } from '../../base/bytes.ts';
import { AppError } from '../../base/errors.ts';
import { componentsOf, pathBelow } from '../../base/posix/path-bytes.ts';
import type { Final } from '../../repository/native/objects/final.ts';

const slash = Uint8Array.of(0x2f);

/** Where the root of a snapshot was, as an absolute path; for a snapshot of a stream, which was nowhere, `/`. */
export function originalRoot({ sourceKind, commonParent, paths }: Final): Uint8Array {
  if (sourceKind !== 'files') return slash;
  return commonParent ?? paths[0] ?? slash;
}

/**
 * Makes sure that a snapshot was taken of a place, to which it can be restored again.
 *
 * @throws AppError `input/usage`
 */
export function requireOriginalPlace(final: Final): void {
  const isStream = final.sourceKind !== 'files';
  if (!isStream && final.paths.length > 0 && originalRoot(final)[0] === 0x2f) return;
  throw new AppError(
    'input/usage',
    isStream
      ? 'The snapshot is of what a program has put out, which has no place that it could be restored to'
      : 'The snapshot does not say in full where its files came from',
    { hint: 'Say where to restore to with "--target"' },
  );
}

/** A path in a snapshot without what it shares with the snapshot's original place: people may write either. */
export function pathInSnapshot(final: Final, path: Uint8Array): Uint8Array {
  return pathBelow(originalRoot(final), path);
}

/**
 * The directories between the restored one (an absolute path) and the sources, itself included, as latin-1 text relative to it: they only lead to what was
 * backed up, and hold more than the snapshot knows.
 */
export function leadingDirectories(final: Final, restored: Uint8Array): Set<string> {
  const base = componentsOf(restored).map(textOf);
  const leading = new Set<string>();
  if (final.commonParent === undefined) return leading;
  for (const source of final.paths) {
    const names = componentsOf(source).map(textOf);
    if (base.some((name, index) => name !== names[index])) continue;
    for (let depth = base.length; depth < names.length; depth++) {
      leading.add(names.slice(base.length, depth).join('/'));
    }
  }
  return leading;
}

function textOf(name: Uint8Array): string {
  return asBuffer(name).toString('latin1');
}
