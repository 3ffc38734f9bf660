/** What an entry of a tar archive stands for; `unknown` has content that can only be passed over. */
export type TarEntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hard-link'
  | 'fifo'
  | 'character-device'
  | 'block-device'
  | 'unknown';

/** The description of one entry, whichever dialect holds it (docs/formats/duplicity.md 5). */
export interface TarEntry {
  /** As stored, with the prefix field joined in; a slash at the end is kept. */
  readonly name: Uint8Array;
  readonly type: TarEntryType;
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Undefined when the archive names none. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  /** Bytes of content that follow; 0 for what has none. */
  readonly size: number;
  /** Empty for what is no link. */
  readonly linkName: Uint8Array;
  /** 0 for what is no device. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** The pax records that are none of the fields above, with the bytes they hold. */
  readonly records: ReadonlyMap<string, Uint8Array>;
}

/** The unit of a tar archive, in bytes: headers take whole blocks, contents are padded to them. */
export const TAR_BLOCK = 512;

/** The longest pax extended header that is written and read, in bytes: room for all extended attributes of a file. */
export const MAX_PAX_LENGTH = 16 * 1024 * 1024;
