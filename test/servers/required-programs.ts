import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const folders = [
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/usr/local/bin',
  '/usr/lib/apache2/modules',
];

/**
 * Why the tests of a server are left out: the programs (or files) that are missing, as the value of `skip`; `false` when all are there.
 * Under `CI` a missing one is an error, so that nobody believes in tests that never ran.
 */
export function missingPrograms(
  names: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): string | false {
  const missing = names.filter((name) => !exists(name));
  if (missing.length === 0) return false;
  const reason = `${missing.join(', ')} not found: install the packages of test/servers/packages.txt`;
  if (environment['CI'] === 'true') throw new Error(`Under CI this test must run, but ${reason}`);
  return reason;
}

function exists(name: string): boolean {
  const candidates = path.isAbsolute(name)
    ? [name]
    : folders.map((folder) => path.join(folder, name));
  return candidates.some((candidate) => {
    try {
      accessSync(candidate, constants.F_OK);
      return true;
    } catch {
      return false;
    }
  });
}
