import { closeSync, constants, openSync, readFileSync } from 'node:fs';

import { beginDirectWrites } from '../../src/base/posix/direct-writes.ts';
import { scratchDirectory } from './scratch-directory.ts';

/** Whether what is written to an open file goes past the page cache now. */
export function opensDirectly(fd: number): boolean {
  const flags = /^flags:\s*(?<octal>\d+)/mu.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
  return (Number.parseInt(flags!.groups!['octal']!, 8) & constants.O_DIRECT) !== 0;
}

const reason = 'the file system of temporary files knows no direct writes';

/**
 * Why tests that want direct writes are left out, or `false`: in memory only newer kernels can (tmpfs, Linux 6.6). Under `CI` that is an error, so that nobody
 * believes in tests that never ran.
 */
export function noDirectWrites(environment = process.env): string | false {
  using scratch = scratchDirectory();
  const fd = openSync(scratch.of('file'), 'w');
  const isPossible = beginDirectWrites(fd);
  closeSync(fd);
  if (!isPossible && environment['CI'] === 'true') {
    throw new Error(`Under CI these tests must run, but ${reason}`);
  }
  return isPossible ? false : reason;
}
