/** One point in time of one or several sources, as its final and seal record it. */
export interface Snapshot {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** Milliseconds since 1970; the time that policies go by. */
  readonly time: number;
  readonly hostname: string;
  readonly username: string;
  /** The identity of the host that signed it, in hexadecimal; policies group by this, not by `hostname`, which anybody can claim. */
  readonly signer: string;
  /** The sources, as absolute paths in bytes, in byte order. */
  readonly paths: readonly Uint8Array[];
  readonly tags: readonly string[];
  /** `unfinished`: there is no seal; it is not counted, and only restored when named. */
  readonly state: 'complete' | 'unfinished';
  readonly stats?: SnapshotStats;
}

/** What was in a snapshot and what it cost. */
export interface SnapshotStats {
  readonly files: number;
  readonly directories: number;
  /** Content of all files, in bytes. */
  readonly bytes: number;
  /** What the repository grew by, in bytes. */
  readonly bytesAdded: number;
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnchanged: number;
  /** Entries that could not be read. */
  readonly errors: number;
  readonly milliseconds: number;
}
