/** What a run did, as duplicity counts it (docs/formats/duplicity.md 15). Sizes in bytes, times in milliseconds since 1970. */
export class SetStatistics {
  startTime = 0;
  endTime = 0;
  /** Everything selected, directories included. */
  sourceFiles = 0;
  /** Bytes read, plus the sizes of what was not read. */
  sourceFileSize = 0;
  /** What is stored whole: also directories whose attributes changed. */
  newFiles = 0;
  newFileSize = 0;
  deletedFiles = 0;
  /** Files stored as a difference. */
  changedFiles = 0;
  changedFileSize = 0;
  deltaEntries = 0;
  /** Contents and differences in the volumes, before compression. */
  rawDeltaSize = 0;
  /** Of the volumes, as they are stored. */
  totalDestinationSizeChange = 0;
  errors = 0;
}
