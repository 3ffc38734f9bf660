/**
 * What is done with blobs that workers read. The repository does not know targets: whoever reads in bulk gives the address of a module with this shape, and
 * the workers load it.
 */
export interface BlobSinkModule {
  /** Called once in each worker; `setup` is what the reader was given for it, and `tell` hands something that can be posted to `onTold` of the workers at once. */
  openSink(setup: unknown, tell: (value: unknown) => void): BlobSink;
}

/** Takes blobs, synchronously. What it throws ends the whole read. */
export interface BlobSink extends Disposable {
  /** A task begins; `payload` came with it and says what its uses mean. */
  begin(payload: Uint8Array): void;
  /** One blob for one of its uses. Its id was checked; it is good until the call returns. */
  take(use: number, bytes: Uint8Array): void;
  /** The task is over: what is to be told to whoever gave it, as something that can be posted. */
  end(): unknown;
  /** Nothing more comes; missing where nothing is kept for later. */
  flush?(): void;
}
