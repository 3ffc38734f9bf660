import type { CallOptions } from '../base/call-options.ts';

/**
 * A flat store of named, immutable byte objects. Names are relative, use `/` between parts, consist of `[a-z0-9/._-]` for the
 * native format and of any UTF-8 for foreign ones, and are never empty.
 *
 * Every method rejects with `signal.reason` when its signal aborts, and after an abort nothing more is written.
 * Failures are `AppError`s with a `storage/*` code; only `storage/unavailable` is worth a retry. A failure that a driver does not
 * recognise is never reported as `storage/not-found`.
 */
export interface Storage extends AsyncDisposable {
  /** For people and logs; carries no secrets. */
  readonly location: string;
  readonly capabilities: StorageCapabilities;
  /** Directories of this machine that objects lie in, if they do: for whoever deletes or writes elsewhere on it, and must not there. */
  readonly localDirectories?: readonly string[];

  /**
   * Resolves when the object is durable and whole. A failed or aborted `put` leaves no readable object (an object of that name
   * that was there before stays as it was). The body is not modified and must not be modified until the promise settles.
   */
  put(name: string, body: Uint8Array | ByteSource, options?: PutOptions): Promise<void>;

  /**
   * The bytes of an object, or of a range of it, as a stream. Rejects with `storage/not-found`, or `storage/bad-range` when
   * the range does not lie inside the object. Read the stream to its end, or cancel it.
   */
  get(name: string, options?: GetOptions): Promise<ReadableStream<Uint8Array>>;

  /** The same in one piece, in memory: for objects and ranges known to be small. A short answer is an error, never a short array. */
  read(name: string, options?: GetOptions): Promise<Uint8Array>;

  /** Rejects with `storage/not-found`. */
  stat(name: string, options?: CallOptions): Promise<StorageObject>;

  /**
   * Yields every object whose name starts with `prefix`, each once, in no particular order. A prefix that nothing starts with
   * gives nothing. A listing that fails or breaks off rejects: it never ends early.
   */
  list(prefix: string, options?: CallOptions): AsyncIterable<StorageObject>;

  /** Resolves when the object is durably gone; also when there was none. */
  delete(name: string, options?: CallOptions): Promise<void>;

  /**
   * A hint that objects will soon be stored, and below these prefixes, each of which ends in a slash: connections and directories can be made meanwhile. Never
   * rejects; what could not be made is seen when something is put there. Missing where there is nothing to make.
   */
  prepare?(prefixes: readonly string[], options?: CallOptions): Promise<void>;

  /** A hint that much will soon be read: connections can be made meanwhile. Missing where that takes no time. */
  expectReads?(): void;

  /**
   * Removes the directories that were made by this storage, as far as nothing lies in them, for whoever has only tried it. Missing where that
   * cannot be known, or where what lies in a directory would be removed with it.
   */
  removeMade?(options?: CallOptions): Promise<void>;
}

export interface StorageObject {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The storage's own time of the last write, milliseconds since 1970. */
  readonly modified?: number;
}

/** Bytes that can be read again from the start, so that a failed upload can be tried again. A web `Blob` is one. */
export interface ByteSource {
  readonly size: number;
  stream(): ReadableStream<Uint8Array>;
}

/** `offset` and `length` in bytes; without `length`, to the end. A negative `offset` counts from the end of the object. */
export interface ByteRange {
  readonly offset: number;
  readonly length?: number;
}

export interface PutOptions extends CallOptions {
  /** Reject with `storage/already-exists` rather than replace. */
  readonly ifAbsent?: boolean;
}

export interface GetOptions extends CallOptions {
  readonly range?: ByteRange;
}

/** What a storage can do, as data: the engine never asks which driver it has. */
export interface StorageCapabilities {
  /** `put` replaces an object so that a reader sees the old bytes or the new ones, never a mix. */
  readonly atomicReplace: boolean;
  /** `ifAbsent` is decided by the storage, not by a look beforehand. */
  readonly conditionalPut: boolean;
  /**
   * Seconds after which a listing is sure to show a finished `put` and not to show a finished `delete`: 0 means at once, `undefined`
   * means that no bound is known.
   */
  readonly listingLag: number | undefined;
  /** `list` and `stat` give `modified`. */
  readonly modifiedTimes: boolean;
  readonly maxObjectSize?: number;
  /** How many calls at once the driver likes by default. */
  readonly concurrency: number;
}
