import { mapPool } from '../../base/pool.ts';
import type { Semaphore } from '../../base/semaphore.ts';
import type { CallOptions } from '../../base/call-options.ts';
import { type Body, piecesOf, sizeOfBody } from '../body.ts';

/** One piece of a large object, in order from 0. */
export interface BodyPart {
  readonly index: number;
  readonly bytes: Uint8Array;
}

export interface PartSettings {
  /** Bytes of every part but the last. */
  readonly partSize: number;
  /** How many parts of one object are under way at once. */
  readonly parallel: number;
  /** Says how many parts of streams are in memory at once, for all objects together. */
  readonly memory: Semaphore;
}

/**
 * Cuts a body into parts and hands them to `upload`, several at once; the results are in the order of the parts. Parts of an array are not
 * copied. After the first failure nothing new begins, and what runs is aborted and waited for.
 */
export async function uploadParts<Result>(
  name: string,
  body: Body,
  { partSize, parallel, memory }: PartSettings,
  upload: (part: BodyPart, options: { readonly signal: AbortSignal }) => Promise<Result>,
  { signal }: CallOptions = {},
): Promise<readonly Result[]> {
  const held = new Map<number, Disposable>();
  const parts =
    body instanceof Uint8Array
      ? partsOfArray(body, partSize)
      : partsOfStream(
          name,
          body,
          partSize,
          async (index) => {
            held.set(index, await memory.acquire({ signal }));
          },
          { signal },
        );
  try {
    return await Array.fromAsync(
      mapPool(
        parts,
        parallel,
        async (part, options) => {
          try {
            return await upload(part, options);
          } finally {
            held.get(part.index)?.[Symbol.dispose]();
          }
        },
        { signal },
      ),
    );
  } finally {
    // A part that was cut and never begun holds its place still.
    for (const place of held.values()) place[Symbol.dispose]();
  }
}

/** A body in one array; a stream takes a place in `memory` while `use` runs. */
export async function inMemory<Result>(
  name: string,
  body: Body,
  memory: Semaphore,
  use: (bytes: Uint8Array) => Promise<Result>,
  { signal }: CallOptions = {},
): Promise<Result> {
  if (body instanceof Uint8Array) return await use(body);
  using _place = await memory.acquire({ signal });
  const whole = sizeOfBody(body);
  // An empty body gives no part, but its stream has to be read to its end.
  let bytes = new Uint8Array();
  for await (const part of partsOfStream(name, body, Math.max(whole, 1), async () => undefined, {
    signal,
  }))
    ({ bytes } = part);
  return await use(bytes);
}

function* partsOfArray(body: Uint8Array, partSize: number): Generator<BodyPart, void, undefined> {
  for (let index = 0; index * partSize < body.byteLength; index++) {
    yield { index, bytes: body.subarray(index * partSize, (index + 1) * partSize) };
  }
}

async function* partsOfStream(
  name: string,
  body: Body,
  partSize: number,
  prepare: (index: number) => Promise<void>,
  options: CallOptions = {},
): AsyncGenerator<{ readonly index: number; readonly bytes: Uint8Array<ArrayBuffer> }> {
  const size = sizeOfBody(body);
  let index = 0;
  let filled = 0;
  let part: Uint8Array<ArrayBuffer> | undefined;
  for await (const piece of piecesOf(name, body, options)) {
    for (let taken = 0; taken < piece.byteLength;) {
      if (part === undefined) {
        await prepare(index);
        part = new Uint8Array(Math.min(partSize, size - index * partSize));
        filled = 0;
      }
      const fits = piece.subarray(taken, taken + part.byteLength - filled);
      part.set(fits, filled);
      filled += fits.byteLength;
      taken += fits.byteLength;
      // The last part is kept back until the stream has ended as it should.
      const isLast = index * partSize + filled === size;
      if (filled < part.byteLength || isLast) continue;
      yield { index, bytes: part };
      index++;
      part = undefined;
    }
  }
  if (part !== undefined) yield { index, bytes: part };
}
