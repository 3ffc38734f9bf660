/** What a run has done so far; plain numbers that only grow. */
export class WriteCounters {
  files = 0;
  directories = 0;
  others = 0;
  /** Content of all files. */
  bytes = 0;
  bytesRead = 0;
  filesNew = 0;
  filesChanged = 0;
  filesUnchanged = 0;
  errors = 0;
}
