import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';

import type { CallOptions } from '../../../base/call-options.ts';
import { systemCodeOf } from '../../../base/errors.ts';
import type { ListedFile } from './listed-file.ts';

/** File systems keep times as exactly as they can: some to two seconds. In nanoseconds. */
const TIME_TOLERANCE = 2_000_000_000n;

/** What a comparison found. */
export interface Comparison {
  readonly files: number;
  readonly bytes: number;
  /** How many were also compared with the hash that was taken when they were backed up. */
  readonly proven: number;
  /** A sentence for each file that is not as it was recorded. */
  readonly differences: readonly string[];
}

/**
 * Compares restored files with what was recorded of them when they were backed up: that they are there, size, time, mode, and content where there is a hash of it.
 *
 * @param hashes SHA-256 in hexadecimal by path
 */
export async function compareFiles(
  sandbox: string,
  sample: readonly ListedFile[],
  hashes: ReadonlyMap<string, string>,
  { signal }: CallOptions = {},
): Promise<Comparison> {
  const differences: string[] = [];
  let bytes = 0;
  let proven = 0;
  for (const file of sample) {
    signal?.throwIfAborted();
    const shown = file.path.toString();
    const place = Buffer.concat([Buffer.from(`${sandbox}/`), file.path]);
    const found = await lstat(place, { bigint: true }).catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return undefined;
      throw error;
    });
    if (found === undefined || !found.isFile()) {
      differences.push(`${shown}: it was not restored`);
      continue;
    }
    bytes += Number(found.size);
    if (file.size !== undefined && found.size !== BigInt(file.size)) {
      differences.push(`${shown}: ${found.size} bytes instead of ${file.size}`);
    }
    const apart = found.mtimeNs - file.mtime;
    if (apart >= TIME_TOLERANCE || apart <= -TIME_TOLERANCE) {
      differences.push(`${shown}: another time of modification`);
    }
    const mode = Number(found.mode & 0o7777n);
    if (mode !== file.mode) {
      differences.push(`${shown}: mode ${octal(mode)} instead of ${octal(file.mode)}`);
    }
    const wanted = hashes.get(shown);
    if (wanted === undefined) continue;
    if ((await hashOf(place, { signal })) === wanted) proven++;
    else differences.push(`${shown}: its content is not what was backed up`);
  }
  return { files: sample.length, bytes, proven, differences };
}

/** SHA-256 of a file, in hexadecimal. */
export async function hashOf(file: string | Buffer, { signal }: CallOptions = {}): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file, signal === undefined ? {} : { signal })) {
    hash.update(piece as Buffer);
  }
  return hash.digest('hex');
}

const octal = (mode: number): string => `0${mode.toString(8)}`;
