import { AppError } from '../../base/errors.ts';
import { type ResolvedRange, resolveRange } from '../byte-range.ts';
import type { ByteRange } from '../storage.ts';
import type { HttpResponse } from './http-client.ts';

/** How an object is asked for over HTTP. */
export interface RangedSource {
  /** One GET, with this value of the header `Range` if there is one; gives answers of status 200, 206 and 416, and throws for all others. */
  get(range: string | undefined): Promise<HttpResponse>;
  /** Bytes of the whole object. */
  size(): Promise<number>;
}

/** Content that is on its way: either `stream` or `bytes` has to be taken, once. */
export interface OpenedRange {
  /** Bytes. */
  readonly length: number;
  readonly stream: ReadableStream<Uint8Array>;
  /** All of it in one piece. Rejects with `storage/unavailable` when fewer bytes come, or more. */
  bytes(): Promise<Uint8Array>;
}

/**
 * Opens the object called `name`, or a range of it, with one request wherever HTTP can say what is meant: not for a range that counts
 * from the end or is empty. Throws `storage/bad-range` where HTTP would give a part of the range.
 */
export async function openRange(
  name: string,
  range: ByteRange | undefined,
  source: RangedSource,
): Promise<OpenedRange> {
  if (range === undefined) return await openWhole(name, await source.get(undefined));
  if (isPlain(range)) return await openPart(name, range, source);
  const { offset, length } = resolveRange(name, await source.size(), range);
  return length === 0 ? emptyContent() : await openPart(name, { offset, length }, source);
}

/** Whether HTTP can say it, without knowing the size. */
function isPlain({ offset, length }: ByteRange): boolean {
  if (!Number.isSafeInteger(offset) || offset < 0) return false;
  return length === undefined || (Number.isSafeInteger(offset + length) && length > 0);
}

async function openWhole(name: string, response: HttpResponse): Promise<OpenedRange> {
  const { length } = givenRange(response);
  if (response.status === 200 && Number.isSafeInteger(length)) return contentOf(response, length);
  await response.discard();
  throw misunderstood(name, 'does not say how large it is');
}

async function openPart(
  name: string,
  range: ByteRange,
  source: RangedSource,
): Promise<OpenedRange> {
  const { offset, length } = range;
  const last = length === undefined ? '' : offset + length - 1;
  const response = await source.get(`bytes=${offset}-${last}`);
  if (response.status === 416) {
    await response.discard();
    const outside = resolveRange(name, await source.size(), range);
    if (outside.length === 0) return emptyContent();
    throw misunderstood(name, 'refuses a range that lies inside');
  }
  const given = givenRange(response);
  try {
    if (!Number.isSafeInteger(given.size))
      throw misunderstood(name, 'does not say which part it gives');
    const wanted = resolveRange(name, given.size, range);
    if (given.offset !== wanted.offset || given.length !== wanted.length)
      throw misunderstood(name, 'gives another range than was asked for');
    return contentOf(response, wanted.length);
  } catch (error) {
    await response.discard();
    throw error;
  }
}

/**
 * Where a range lies in an object whose size the service has said already; `undefined` for all of it. Throws `storage/bad-range`.
 */
export function placeOf(
  name: string,
  size: number,
  range: ByteRange | undefined,
): ResolvedRange | undefined {
  return range === undefined ? undefined : resolveRange(name, size, range);
}

/** The header for a range whose place is known; none for a whole object. */
export function rangeHeader(range: ResolvedRange | undefined): Readonly<Record<string, string>> {
  if (range === undefined) return {};
  return { range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
}

/**
 * The content of an answer to such a header, with status 200 or 206, after a look whether it is what was asked for. Throws
 * `storage/unavailable` when the server gave something else, as it may when the object was replaced in between. `size` is what the service
 * has said of the object: it counts when the answer does not say how long it is.
 */
export async function rangedContent(
  name: string,
  response: HttpResponse,
  asked: ResolvedRange | undefined,
  size?: number,
): Promise<OpenedRange> {
  const given = givenRange(response, size);
  const isRight =
    asked === undefined
      ? response.status === 200 && Number.isSafeInteger(given.length)
      : response.status === 206 && given.offset === asked.offset && given.length === asked.length;
  if (isRight) return contentOf(response, given.length);
  await response.discard();
  throw new AppError(
    'storage/unavailable',
    `Reading "${name}" gave another part of it than was asked for`,
  );
}

/** The content of an empty range, which no header can ask for. */
export function emptyContent(): OpenedRange {
  return {
    length: 0,
    stream: ReadableStream.from<Uint8Array>([]),
    bytes: () => Promise.resolve(new Uint8Array()),
  };
}

function contentOf(response: HttpResponse, length: number): OpenedRange {
  return {
    length,
    get stream() {
      return response.stream();
    },
    bytes: () => response.read(length),
  };
}

/** What part of which size an answer carries; `NaN` where it does not say. `known` is the size by the service, if the answer has none. */
function givenRange(
  response: HttpResponse,
  known = Number.NaN,
): {
  readonly offset: number;
  readonly length: number;
  readonly size: number;
} {
  if (response.status === 200) {
    const size = Number(response.header('content-length') ?? known);
    return { offset: 0, length: size, size };
  }
  const said = /^bytes ([0-9]+)-([0-9]+)\/([0-9]+|\*)$/u.exec(
    response.header('content-range') ?? '',
  );
  const [first, last, size] = [1, 2, 3].map((group) => Number(said?.[group] ?? Number.NaN));
  const offset = first ?? Number.NaN;
  return { offset, length: (last ?? Number.NaN) - offset + 1, size: size ?? Number.NaN };
}

function misunderstood(name: string, what: string): AppError {
  return new AppError('storage/unavailable', `Cannot read "${name}": the server ${what}`);
}
