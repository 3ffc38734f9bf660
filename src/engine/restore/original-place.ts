import { asBuffer } from '../../base/bytes.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import type { Final } from '../../repository/native/objects/final.ts';
import { componentsOf } from '../../repository/native/reader/tree-reader.ts';

const slash = Uint8Array.of(0x2f);

/** Where the root of a snapshot was, as an absolute path; for a snapshot of a stream, which was nowhere, `/`. */
export function originalRoot({ sourceKind, commonParent, paths }: Final): Uint8Array {
  if (sourceKind !== 'files') return slash;
  return commonParent ?? paths[0] ?? slash;
}

/** A path in a snapshot without what it shares with the snapshot's original place: people may write either. */
export function pathInSnapshot(final: Final, path: Uint8Array): Uint8Array {
  const root = componentsOf(originalRoot(final));
  const names = componentsOf(path);
  const isBelow =
    path[0] === 0x2f &&
    names.length >= root.length &&
    root.every((name, index) => Buffer.compare(name, names[index]!) === 0);
  let result: Uint8Array = new Uint8Array(0);
  for (const name of isBelow ? names.slice(root.length) : names) result = joinPath(result, name);
  return result;
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
