import { AppError } from '../../base/errors.ts';
import type { GlobalFlagValues } from '../global-flags.ts';
import type { LocatedDestination } from '../locate-destination.ts';
import type { CommandSession } from '../session.ts';
import { holdsArchive } from './holds-archive.ts';

/** Whether what is to be written goes to an archive of duplicity's: one is there, or is wanted where there is nothing. Throws `input/usage` if a repository of our own is there instead. */
export async function isForArchive(
  located: LocatedDestination,
  flags: GlobalFlagValues & { readonly format: string | undefined; readonly 'no-init': boolean },
  session: CommandSession,
): Promise<boolean> {
  const { format } = flags;
  if (located.repositoryId === undefined) {
    if (await holdsArchive(located, flags, session)) return format !== 'native';
    return format === 'duplicity' && !flags['no-init'];
  }
  if (format !== 'duplicity') return false;
  await located[Symbol.asyncDispose]();
  throw new AppError(
    'input/usage',
    `"${located.name}" holds a repository of our own, not an archive of duplicity's`,
    {
      hint: 'Leave "--format" out, or choose another place',
    },
  );
}
