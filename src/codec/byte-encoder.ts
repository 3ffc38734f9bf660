/** Takes what an encoder has made, in order; the next piece comes when the promise is fulfilled. The bytes are the receiver's from then on. */
export type ByteSink = (bytes: Uint8Array) => void | Promise<void>;

/**
 * A stream of bytes on its way into a coded form (compressed, encrypted) whose size can be told before it is finished, so that what is written can
 * be kept below a limit. One call at a time: the next one after the promise of the one before. What fails (the sink included) fails every later call.
 */
export interface ByteEncoder extends AsyncDisposable {
  /** Takes `plain`, which must not be changed afterwards unless `copies` is true; fulfilled when more may come. */
  write(plain: Uint8Array): Promise<void>;
  /** What was written is of no more interest once `write` is fulfilled, and long pieces that the sink gets lie in buffers of their own. */
  readonly copies?: boolean;
  /** What is compressed is inflated again and compared with what was written, before the sink gets it: then only what is around that can be wrong. */
  readonly isReadBack?: boolean;
  /** The coded form has at most so many bytes if it is finished now, those already given to the sink included. */
  readonly sizeBound: number;
  /** Waits until `sizeBound` is as exact as it gets; from then on it depends on what was written only, not on how fast. */
  settle(): Promise<void>;
  /** Writes the rest; fulfilled when the sink has everything. Nothing may be written afterwards. */
  finish(): Promise<void>;
  /** Gives up what is not finished; the sink is not called any more. */
  [Symbol.asyncDispose](): Promise<void>;
}
