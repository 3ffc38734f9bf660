import { joinPath } from '../../../base/posix/path-bytes.ts';

/** What stands before a path in a tar (docs/formats/duplicity.md 6.1, 7). */
export type NamePrefix = 'snapshot' | 'diff' | 'deleted' | 'signature';

const slash = Buffer.from('/');
const dot = Buffer.from('.');

function bytesOf<Key extends string>(texts: Readonly<Record<Key, string>>): Record<Key, Buffer> {
  return Object.fromEntries(
    Object.entries<string>(texts).map(([key, text]) => [key, Buffer.from(text)]),
  ) as Record<Key, Buffer>;
}

const prefixes = bytesOf({
  snapshot: 'snapshot',
  diff: 'diff',
  deleted: 'deleted',
  signature: 'signature',
});
const blockPrefixes = bytesOf({ snapshot: 'multivol_snapshot', diff: 'multivol_diff' });

/** The name of an entry in a volume. A root that is a directory is `snapshot/.` there, to which the header adds the slash of directories; any other is `snapshot/`. */
export function volumeEntryName(
  prefix: NamePrefix,
  path: Uint8Array,
  isDirectory: boolean,
): Uint8Array {
  if (path.length > 0) return joinPath(prefixes[prefix], path);
  return isDirectory ? joinPath(prefixes[prefix], dot) : signatureEntryName(prefix, path);
}

/** The name of a block of a large file, from 1; of the root it is `multivol_snapshot/./1`. */
export function blockEntryName(
  prefix: 'snapshot' | 'diff',
  path: Uint8Array,
  block: number,
): Uint8Array {
  return joinPath(
    joinPath(blockPrefixes[prefix], path.length === 0 ? dot : path),
    Buffer.from(String(block)),
  );
}

/** The name of an entry in a signature tar, where the root is `snapshot/`. */
export function signatureEntryName(prefix: NamePrefix, path: Uint8Array): Uint8Array {
  return path.length === 0
    ? Buffer.concat([prefixes[prefix], slash])
    : joinPath(prefixes[prefix], path);
}
