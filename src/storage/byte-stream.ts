import { concatBytes } from '../base/bytes.ts';
import type { CallOptions } from '../base/call-options.ts';
import { AppError } from '../base/errors.ts';

/** Pulls the pieces of a stream: the next one, or `undefined` at the end. */
export interface ByteProducer {
  next(): Promise<Uint8Array | undefined>;
  /** Called exactly once: at the end, after a failure, or when the reader cancels. */
  close(reason?: unknown): Promise<void> | void;
}

/** A stream that asks `producer` for a piece only when somebody reads, and that fails with `signal.reason` on abort. */
export function streamOf(
  producer: ByteProducer,
  { signal }: CallOptions = {},
): ReadableStream<Uint8Array> {
  let closed = false;
  let fail: ((reason: unknown) => void) | undefined;
  const close = async (reason?: unknown): Promise<void> => {
    if (closed) return;
    closed = true;
    if (fail !== undefined) signal?.removeEventListener('abort', onAbort);
    await producer.close(reason);
  };
  let pulling: Promise<unknown> = Promise.resolve();
  const onAbort = (): void => {
    fail?.(signal?.reason);
    // The piece that is being fetched uses the producer's file or connection: let it finish first.
    void pulling.then(() => close(signal?.reason)).catch(() => undefined);
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (signal === undefined) return;
        fail = (reason) => controller.error(reason);
        if (signal.aborted) onAbort();
        else signal.addEventListener('abort', onAbort, { once: true });
      },
      async pull(controller) {
        const next = producer.next();
        pulling = next.catch(() => undefined);
        let piece: Uint8Array | undefined;
        try {
          piece = await next;
        } catch (error) {
          await close(error);
          throw error;
        }
        if (signal?.aborted === true) return;
        if (piece === undefined) {
          await close();
          controller.close();
        } else controller.enqueue(piece);
      },
      cancel: (reason) => close(reason),
    },
    { highWaterMark: 0 },
  );
}

/** The same stream with something done to each piece before it is passed on, and something once when it is over. */
export function tapStream(
  stream: ReadableStream<Uint8Array>,
  tap: { readonly piece?: (piece: Uint8Array) => Promise<void> | void; readonly over?: () => void },
  options?: CallOptions,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  let ended = false;
  return streamOf(
    {
      async next() {
        const { done, value } = await reader.read();
        ended = done;
        if (value !== undefined) await tap.piece?.(value);
        return value;
      },
      async close(reason) {
        try {
          if (!ended) await reader.cancel(reason);
        } finally {
          tap.over?.();
        }
      },
    },
    options,
  );
}

/** Joins a stream that must give exactly `length` bytes; any other number is an error, never a short array. */
export async function collect(
  name: string,
  stream: ReadableStream<Uint8Array>,
  length: number,
): Promise<Uint8Array> {
  const joined = new Uint8Array(length);
  let seen = 0;
  for await (const piece of stream) {
    if (seen + piece.byteLength > length)
      throw wrongLength(name, length, `at least ${seen + piece.byteLength}`);
    joined.set(piece, seen);
    seen += piece.byteLength;
  }
  if (seen !== length) throw wrongLength(name, length, String(seen));
  return joined;
}

/** Joins a stream of at most `limit` bytes; one that gives more is cancelled, and the answer is `undefined`. */
export async function collectAtMost(
  stream: ReadableStream<Uint8Array>,
  limit: number,
): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let seen = 0;
  for await (const piece of stream) {
    seen += piece.byteLength;
    if (seen > limit) return undefined;
    pieces.push(piece);
  }
  return concatBytes(...pieces);
}

/** Joins a stream whose length nobody has announced. */
export async function collectAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return concatBytes(...(await Array.fromAsync(stream)));
}

function wrongLength(name: string, wanted: number, seen: string): AppError {
  return new AppError('storage/unavailable', `Reading "${name}" gave ${seen} of ${wanted} bytes`);
}
