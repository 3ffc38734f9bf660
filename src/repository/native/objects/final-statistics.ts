import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';

/** What a snapshot holds and what it cost; all numbers count from zero. */
export interface FinalStatistics {
  readonly files: number;
  readonly directories: number;
  readonly others: number;
  /** Of all files. */
  readonly bytes: number;
  readonly newFiles: number;
  readonly changedFiles: number;
  readonly unchangedFiles: number;
  /** Bytes of blobs that were not in the repository before. */
  readonly addedBytes: number;
  /** What these took there, in bytes. */
  readonly storedBytes: number;
  readonly errors: number;
}

/** In the order of their tags, from 1. */
const fields = [
  'files',
  'directories',
  'others',
  'bytes',
  'newFiles',
  'changedFiles',
  'unchangedFiles',
  'addedBytes',
  'storedBytes',
  'errors',
] as const satisfies readonly (keyof FinalStatistics)[];

export function encodeStatistics(statistics: FinalStatistics): Uint8Array {
  const writer = new RecordWriter();
  for (const [index, field] of fields.entries()) writer.number(index + 1, statistics[field]);
  return writer.take();
}

/** Numbers that an older program did not write are zero. */
export function decodeStatistics(bytes: Uint8Array): FinalStatistics {
  const reader = new RecordReader(
    bytes,
    fields.map((_, index) => index + 1),
  );
  const number = (tag: number): number => reader.optionalNumber(tag) ?? 0;
  return {
    files: number(1),
    directories: number(2),
    others: number(3),
    bytes: number(4),
    newFiles: number(5),
    changedFiles: number(6),
    unchangedFiles: number(7),
    addedBytes: number(8),
    storedBytes: number(9),
    errors: number(10),
  };
}
