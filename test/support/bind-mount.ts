import { spawnSync } from 'node:child_process';

/** Why a test that mounts a directory elsewhere is left out. */
export const noBindMount = 'mounting a directory takes root and the right to mount';

/**
 * Has a directory appear in a second place as well, until it is disposed of. Gives `undefined` where that is not allowed; under `CI` that is an error, so that
 * nobody believes in tests that never ran.
 */
export function bindMount(
  directory: string,
  place: string,
  environment = process.env,
): Disposable | undefined {
  const { status, stderr } = spawnSync('mount', ['--bind', directory, place], { encoding: 'utf8' });
  if (status === 0) return { [Symbol.dispose]: () => void spawnSync('umount', [place]) };
  if (environment['CI'] !== 'true') return undefined;
  throw new Error(`Under CI this test must run, but ${noBindMount}: ${stderr}`);
}
