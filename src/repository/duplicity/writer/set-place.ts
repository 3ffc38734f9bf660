import type { Clock } from '../../../base/clock.ts';
import type { Storage } from '../../../storage/storage.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import type { FileCoding } from '../encryption/file-coding.ts';
import type { FileNaming } from '../names/file-name.ts';

/** Where a set is written to. */
export interface SetPlace {
  readonly storage: Storage;
  readonly naming: FileNaming;
  readonly coding: FileCoding;
  readonly clock: Clock;
  /** The local copies of manifests and signatures, for this archive only (docs/formats/duplicity.md 12.1); the caller holds its lock. */
  readonly archiveDirectory: string;
  /** For what is too long for the memory. */
  readonly tempDirectory: string;
}

/** That of an archive. */
export function placeOf(archive: DuplicityArchive): SetPlace {
  const { storage, naming, coding, clock, directory, tempDirectory } = archive;
  return { storage, naming, coding, clock, archiveDirectory: directory.path, tempDirectory };
}

/** What identifies a set; times in seconds since 1970. */
export interface SetIdentity {
  readonly set: 'full' | 'incremental';
  /** Time of the set that an incremental one builds upon. */
  readonly start: number | undefined;
  readonly end: number;
}
