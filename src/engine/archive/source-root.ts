import { joinPath } from '../../base/posix/path-bytes.ts';
import type { Snapshot } from '../../model/snapshot.ts';

/** What is known to have been nowhere on its machine lies here. Not at "/": a restore in place would write to that, and with `--delete` leave nothing else. */
const unknownPlace = Buffer.from('/unknown-place');

/** The absolute path of an archive's source, without "." and ".." and slashes too many. What the archive says of it may be relative, or missing. */
export function sourceRoot({ paths }: Pick<Snapshot, 'paths'>): Uint8Array {
  const text = Buffer.from(paths[0] ?? new Uint8Array(0)).toString('latin1');
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  const isKnown = text.startsWith('/') && !parts.includes('..');
  const below = Buffer.from(parts.filter((part) => part !== '..').join('/'), 'latin1');
  return joinPath(isKnown ? Buffer.from('/') : unknownPlace, below);
}
