import type { Storage } from '../../storage/storage.ts';
import type { SparedPlace } from '../../target/filesystem/spared-places.ts';

/** Where the repository that is restored from lies on this machine, if it does. */
export function repositoryPlaces({
  localDirectories = [],
}: Pick<Storage, 'localDirectories'>): SparedPlace[] {
  return localDirectories.map((directory) => ({
    directory,
    title: 'the repository',
    isUntouchable: true,
  }));
}
