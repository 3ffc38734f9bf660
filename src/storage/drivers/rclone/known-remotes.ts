import type { CallOptions } from '../../../base/call-options.ts';
import { didYouMean } from '../../../base/did-you-mean.ts';
import { AppError } from '../../../base/errors.ts';
import { runProgram } from '../../../base/process.ts';
import type { RcloneSettings } from '../../network/rclone/rclone-process.ts';

/** The error for a remote that rclone's configuration does not have, with the nearest of those that it has. */
export async function unknownRemote(
  name: string,
  { program, environment, flags }: RcloneSettings,
  { signal, cause }: CallOptions & { readonly cause: unknown },
): Promise<AppError> {
  const argv = [program, 'listremotes', '--ask-password=false', ...flags];
  const { output, status } = await runProgram(argv, { environment, timeLimit: 20_000, signal });
  const known = output
    .toString('utf8')
    .split('\n')
    .flatMap((line) => /^(.+?):/u.exec(line)?.[1] ?? []);
  const nearest = didYouMean(name, known);
  const guess = nearest === undefined ? '' : `Did you mean "${nearest}"? `;
  const all = known.length === 0 ? 'It knows none yet: ' : `Known are: ${known.join(', ')}; `;
  return new AppError('input/usage', `rclone knows no remote "${name}"`, {
    cause,
    hint: `${guess}${status === 0 ? all : ''}"rclone config" makes one`,
  });
}
