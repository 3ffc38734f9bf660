import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import { failureOf, runProgram } from '../../base/process.ts';

export interface UnitManager extends CallOptions {
  /** The manager of the user instead of that of the machine. */
  readonly isUser: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Has systemd read its units again and starts some of them, now and after each boot; those that run already are started anew, so that they see what has changed.
 *
 * @throws AppError `process/failed`
 */
export async function enableUnits(names: readonly string[], manager: UnitManager): Promise<void> {
  await systemctl(['daemon-reload'], manager);
  if (names.length === 0) return;
  await systemctl(['enable', ...names], manager);
  await systemctl(['restart', ...names], manager);
}

/** Stops units before their files are removed. What runs of a job ends by itself. @throws AppError `process/failed` */
export async function disableUnits(names: readonly string[], manager: UnitManager): Promise<void> {
  if (names.length > 0) await systemctl(['disable', '--now', ...names], manager);
}

async function systemctl(
  words: readonly string[],
  { isUser, environment, signal }: UnitManager,
): Promise<void> {
  const argv = ['systemctl', ...(isUser ? ['--user'] : []), ...words];
  const failure = failureOf(await runProgram(argv, { environment, signal }));
  if (failure === undefined) return;
  throw new AppError('process/failed', `"systemctl ${words[0] ?? ''}" has failed: ${failure}`, {
    hint: 'The files are written. Try it yourself: systemctl daemon-reload',
  });
}
