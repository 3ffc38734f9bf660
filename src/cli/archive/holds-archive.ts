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
  try {
    return (await firstOf(storage, (name) => naming.parse(name), signal)) !== undefined;
  } catch (error) {
    await located[Symbol.asyncDispose]();
    throw error;
  }
}

/** What the names of an archive begin with that is there under a prefix, of which nobody said anything. */
export async function prefixOfArchive(
  storage: Storage,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { prefixBefore } = await import('../../repository/duplicity/names/file-name.ts');
  return firstOf(storage, prefixBefore, signal);
}

/** What is made of the first name of which something is made. */
async function firstOf<Found>(
  storage: Storage,
  read: (name: string) => Found | undefined,
  signal: AbortSignal,
): Promise<Found | undefined> {
  let seen = 0;
  try {
    for await (const { name } of storage.list('', { signal })) {
      const found = read(name);
      if (found !== undefined) return found;
      if (++seen >= ENOUGH) return undefined;
    }
  } catch (error) {
    if (!hasCode(error, 'storage/not-found')) throw error;
  }
  return undefined;
}
