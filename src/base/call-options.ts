/** The last parameter of every asynchronous function that does I/O or takes time. */
export interface CallOptions {
  /** After it aborts the call rejects with `signal.reason` and changes nothing more. */
  readonly signal?: AbortSignal | undefined;
}
