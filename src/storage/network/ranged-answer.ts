import { AppError } from '../../base/errors.ts';
import { type ResolvedRange, resolveRange } from '../byte-range.ts';
import type { ByteRange } from '../storage.ts';
import type { HttpResponse } from './http-client.ts';

/** The content of an answer, and how long it is. */
export interface RangedContent {
  readonly stream: ReadableStream<Uint8Array>;
  readonly length: number;
}

/** The header for a range whose place is known; none for a whole object. */
export function rangeHeader(range: ResolvedRange | undefined): Readonly<Record<string, string>> {
  if (range === undefined) return {};
  return { range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
}

/**
 * The content of an answer with status 200 or 206, after a look whether it is what was asked for. Throws `storage/unavailable` when the
 * server gave something else, as it may when the object was replaced in between. `size` is what the service has said of the object: it
 * counts when the answer does not say how long it is.
 */
export async function rangedContent(
  name: string,
  response: HttpResponse,
  asked: ResolvedRange | undefined,
  size?: number,
): Promise<RangedContent> {
  const announced = Number(response.header('content-length') ?? size ?? Number.NaN);
  if (asked === undefined && response.status === 200 && Number.isSafeInteger(announced))
    return { stream: response.stream(), length: announced };
  const place = /^bytes (\d+)-(\d+)\//u.exec(response.header('content-range') ?? '');
  const [first, last] = [Number(place?.[1]), Number(place?.[2])];
  if (
    asked !== undefined &&
    response.status === 206 &&
    first === asked.offset &&
    last === asked.offset + asked.length - 1
  )
    return { stream: response.stream(), length: asked.length };
  await response.discard();
  throw new AppError(
    'storage/unavailable',
    `Reading "${name}" gave another part of it than was asked for`,
  );
}

/** Where a range lies in an object of this size; `undefined` for all of it. Throws `storage/bad-range`. */
export function placeOf(
  name: string,
  size: number,
  range: ByteRange | undefined,
): ResolvedRange | undefined {
  return range === undefined ? undefined : resolveRange(name, size, range);
}

/** The content of an empty range, which no header can ask for. */
export function emptyContent(): RangedContent {
  return { stream: ReadableStream.from<Uint8Array>([]), length: 0 };
}
