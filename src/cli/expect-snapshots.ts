import { toHex } from '../base/bytes.ts';
import type { CallOptions } from '../base/call-options.ts';
import { copiesDirectory } from '../repository/native/copies-directory.ts';
import type { Description } from '../repository/native/keys/description.ts';
import type { LocalPlaces } from '../repository/native/native-repository.ts';
import { objectPrefixes } from '../repository/native/objects/object-name.ts';
import type { AskingAhead } from '../storage/layers/asking-ahead.ts';
import { ObjectCache } from '../storage/layers/object-cache.ts';

/** What will be looked at: which snapshots there are, or what is in them as well, which takes the index. */
export type Expected = 'snapshots' | 'content';

/** What that takes, in the order in which it has to be listed (native.md, 14.3, and `listSnapshots`). */
const snapshots = [objectPrefixes.seal, objectPrefixes.final, objectPrefixes.forget];
const wanted: Readonly<Record<Expected, readonly string[]>> = {
  snapshots,
  content: [...snapshots, objectPrefixes.index],
};

/**
 * Begins to list and to read what will be looked at when the key is there: over a slow line that takes as long as deriving it. What this machine has a copy of is not
 * read; which repository it is about, `describing` says.
 */
export function expectSnapshots(
  storage: AskingAhead,
  expected: Expected,
  describing: Promise<Description | undefined>,
  { cacheDirectory }: Pick<LocalPlaces, 'cacheDirectory'>,
  { signal }: CallOptions,
): void {
  const openCopies = async (): Promise<ObjectCache | undefined> => {
    const description = await describing.catch(() => undefined); // told by whoever waits for it
    if (description === undefined || cacheDirectory === undefined) return undefined;
    const directory = copiesDirectory(cacheDirectory, toHex(description.repositoryId));
    // A directory that cannot be used is told of by whoever reads next.
    return new ObjectCache(directory, () => undefined);
  };
  const copies = openCopies();
  const isAtHand = async (name: string): Promise<boolean> =>
    (await (await copies)?.has(name)) ?? false;
  storage.askFor(wanted[expected], { signal, isAtHand });
}
