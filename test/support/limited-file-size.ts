import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Runs a module in a process of its own that may not write files beyond so many bytes (`RLIMIT_FSIZE`): a `write` then comes up short
 * and the next one fails. Resolves with what it printed. Works without privileges.
 */
export async function runWithFileSizeLimit(bytes: number, module: string): Promise<string> {
  // The shell counts in blocks of 512 bytes; the signal would end the process before the error is seen.
  const script = `trap '' XFSZ; ulimit -f ${Math.floor(bytes / 512)}; exec "$0" --input-type=module-typescript -e "$1"`;
  const { stdout } = await promisify(execFile)('sh', ['-c', script, process.execPath, module]);
  return stdout;
}
