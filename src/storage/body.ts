import type { CallOptions } from '../base/call-options.ts';
import { AppError } from '../base/errors.ts';
import type { ByteSource } from './storage.ts';

/** What `put` takes. */
export type Body = Uint8Array | ByteSource;

/** Bytes of a body; known before the first is read. */
export function sizeOfBody(body: Body): number {
  return body instanceof Uint8Array ? body.byteLength : body.size;
}

/**
 * The pieces of the body of an object one after the other; empty pieces are left out. Throws `input/invalid` when the stream gives more
 * or fewer bytes than the body's size, and `signal.reason` after an abort. A stream that is not read to its end is cancelled.
 */
export function piecesOf(
  name: string,
  body: Body,
  options?: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  return piecesTo(`store "${name}"`, body, options);
}

/** The same for what is being done in other words: `action` reads like `send a part of "a"`. */
export async function* piecesTo(
  action: string,
  body: Body,
  { signal }: CallOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted();
  if (body instanceof Uint8Array) {
    if (body.byteLength > 0) yield body;
    return;
  }
  const reader = body.stream().getReader();
  // A stream that hangs must not keep an aborted call waiting.
  const stop = (): void => void reader.cancel(signal?.reason).catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  let seen = 0;
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) break;
      seen += value.byteLength;
      if (seen > body.size) throw wrongSize(action, body.size, `at least ${seen}`);
      if (value.byteLength > 0) yield value;
    }
    ended = true;
    if (seen !== body.size) throw wrongSize(action, body.size, String(seen));
  } finally {
    signal?.removeEventListener('abort', stop);
    if (!ended) stop();
  }
}

/** The same bytes in pieces of at most `largest`, so that whoever sends them sees how they get on. */
export async function* smallPieces(
  pieces: AsyncIterable<Uint8Array>,
  largest: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    for (let offset = 0; offset < piece.byteLength; offset += largest)
      yield piece.subarray(offset, offset + largest);
  }
}

function wrongSize(action: string, promised: number, seen: string): AppError {
  return new AppError(
    'input/invalid',
    `Cannot ${action}: ${promised} bytes were announced and ${seen} came`,
  );
}
