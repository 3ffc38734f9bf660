import type { AppError } from '../../../base/errors.ts';
import type { ChangedFiles } from './changed-files.ts';
import type { SetStatistics } from './set-statistics.ts';
import type { SignatureFile } from './signature-file.ts';
import type { VolumeSequence } from './volume-sequence.ts';

/** How entries are made. */
export interface EntrySettings {
  /** Write what duplicity has no place for (docs/formats/duplicity.md 5) into records that it ignores. */
  readonly extensions: boolean;
  /** What was changed in this second or later may be changed again under the same time; seconds since 1970. */
  readonly quietSince: number;
  /** The length of a signature's blocks for a file of so many bytes. */
  readonly blockLength: (size: number) => number;
  /** A file that could not be read as it should have been; the run goes on. */
  readonly onProblem: (path: Uint8Array, error: AppError) => void;
}

/** Where entries go. */
export interface EntryTargets {
  readonly volumes: VolumeSequence;
  readonly signatures: SignatureFile;
  readonly files: ChangedFiles;
  readonly statistics: SetStatistics;
}
