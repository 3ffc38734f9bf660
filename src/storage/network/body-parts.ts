import type { CallOptions } from '../../base/call-options.ts';
import { mapPool } from '../../base/pool.ts';
import type { Semaphore } from '../../base/semaphore.ts';
import { type Body, piecesOf } from '../body.ts';
import type { ByteSource } from '../storage.ts';

/** A part of a body in one array, in order from 0. */
export interface BodyPart {
  readonly index: number;
  readonly offset: number;
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
 * The body in parts of exactly `partSize` bytes, the last one smaller; an empty body has none. Arrays are not copied; of a stream one part is
 * held at a time, and the array is used again for the next one. Throws like `piecesOf`, before the last part is given.
 */
export function partsOf(
  name: string,
  body: Body,
  partSize: number,
  options: CallOptions = {},
): AsyncGenerator<BodyPart, void, undefined> {
  if (body instanceof Uint8Array) return partsOfArray(body, partSize, options);
  let room: Uint8Array | undefined;
  const roomFor = async (_index: number, length: number): Promise<Uint8Array> =>
    (room ??= Buffer.allocUnsafeSlow(length)).subarray(0, length);
  return partsOfStream(name, body, partSize, roomFor, options);
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
  const roomFor = async (index: number, length: number): Promise<Uint8Array> => {
    held.set(index, await memory.acquire({ signal }));
    return new Uint8Array(length);
  };
  const parts =
    body instanceof Uint8Array
      ? partsOfArray(body, partSize, { signal })
      : partsOfStream(name, body, partSize, roomFor, { signal });
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

/** A body in one array; a stream is read into a new one. */
export async function wholeBody(
  name: string,
  body: Body,
  options: CallOptions = {},
): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const bytes = new Uint8Array(body.size);
  let filled = 0;
  for await (const piece of piecesOf(name, body, options)) {
    bytes.set(piece, filled);
    filled += piece.byteLength;
  }
  return bytes;
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
  return await use(await wholeBody(name, body, { signal }));
}

async function* partsOfArray(
  body: Uint8Array,
  partSize: number,
  { signal }: CallOptions,
): AsyncGenerator<BodyPart, void, undefined> {
  for (let index = 0; index * partSize < body.byteLength; index++) {
    signal?.throwIfAborted();
    const offset = index * partSize;
    yield { index, offset, bytes: body.subarray(offset, offset + partSize) };
  }
}

/** `roomFor` gives the array of exactly that length for a part, which is filled before the part is given. */
async function* partsOfStream(
  name: string,
  body: ByteSource,
  partSize: number,
  roomFor: (index: number, length: number) => Promise<Uint8Array>,
  options: CallOptions,
): AsyncGenerator<BodyPart, void, undefined> {
  let index = 0;
  let offset = 0;
  let filled = 0;
  let bytes: Uint8Array | undefined;
  for await (const piece of piecesOf(name, body, options)) {
    for (let taken = 0; taken < piece.byteLength;) {
      if (bytes === undefined) {
        bytes = await roomFor(index, Math.min(partSize, body.size - offset));
        filled = 0;
      }
      const fits = piece.subarray(taken, taken + bytes.byteLength - filled);
      bytes.set(fits, filled);
      filled += fits.byteLength;
      taken += fits.byteLength;
      // The last part is kept back until the stream has ended as it should.
      if (filled < bytes.byteLength || offset + filled === body.size) continue;
      yield { index, offset, bytes };
      index++;
      offset += filled;
      bytes = undefined;
    }
  }
  if (bytes !== undefined) yield { index, offset, bytes };
}
