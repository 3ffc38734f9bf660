import { join } from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { fileReason } from '../../../base/file-reason.ts';
import { makeDirectoriesSync } from '../../../base/make-directories.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { SourceCache } from './source-cache.ts';

/** Where this machine keeps what it remembers of the sources of a repository. */
export interface SourceCachePlace {
  /** Undefined: nothing is kept. */
  readonly cacheDirectory: string | undefined;
  /** In hexadecimal. */
  readonly repositoryId: string;
  /** Told of problems that only cost speed. */
  readonly warn: (problem: AppError) => void;
}

/**
 * What earlier runs remember of a source, named by the path of its root; nothing without a cache directory, or if it cannot be used – another process may be
 * backing up the same source. It needs no keys.
 */
export function openSourceCache(
  { cacheDirectory, repositoryId, warn }: SourceCachePlace,
  root: Uint8Array,
): SourceCache | undefined {
  if (cacheDirectory === undefined) return undefined;
  const directory = join(cacheDirectory, repositoryId);
  try {
    makeDirectoriesSync(directory, { mode: 0o700 });
    return new SourceCache(join(directory, `source-${toHex(sha256(root)).slice(0, 16)}.db`));
  } catch (cause) {
    warn(
      new AppError(
        'local/unwritable',
        `Cannot use the cache in "${directory}": ${fileReason(cause)}`,
        {
          cause,
          hint: 'Every file will be read',
        },
      ),
    );
    return undefined;
  }
}
