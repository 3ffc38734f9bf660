import { hasCode } from '../../base/errors.ts';
import type { Storage } from '../../storage/storage.ts';
import type { CommandSession } from '../session.ts';

/** After so many names that are none of an archive's, it is believed that there is no archive: whoever mistyped a path must not wait for a list of the whole disk. */
const ENOUGH = 10_000;

/** Whether a destination without a repository of our own holds an archive of duplicity's, told by the names of its files. The place is closed if it cannot be listed. */
export async function holdsArchive(
  located: AsyncDisposable & {
    readonly storage: Storage;
    readonly repositoryId: string | undefined;
  },
  flags: Readonly<Record<string, unknown>>,
  { signal }: CommandSession,
): Promise<boolean> {
  const { storage, repositoryId } = located;
  if (repositoryId !== undefined) return false;
  const { namingOf } = await import('./archive-session.ts');
  const naming = namingOf(flags);
  let seen = 0;
  try {
    for await (const { name } of storage.list('', { signal })) {
      if (naming.parse(name) !== undefined) return true;
      if (++seen >= ENOUGH) return false;
    }
  } catch (error) {
    if (hasCode(error, 'storage/not-found')) return false;
    await located[Symbol.asyncDispose]();
    throw error;
  }
  return false;
}
