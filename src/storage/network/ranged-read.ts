import { AppError } from '../../base/errors.ts';
import { resolveRange } from '../byte-range.ts';
import type { ByteRange } from '../storage.ts';
import type { HttpResponse } from './http-client.ts';

/** How an object is asked for over HTTP. */
export interface RangedSource {
  /** One GET, with this value of the header `Range` if there is one; gives answers of status 200, 206 and 416, and throws for all others. */
  get(range: string | undefined): Promise<HttpResponse>;
  /** Bytes of the whole object. */
  size(): Promise<number>;
}

export interface OpenedRange {
  /** Bytes. */
  readonly length: number;
  readonly stream: ReadableStream<Uint8Array>;
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
  return length === 0 ? empty() : await openPart(name, { offset, length }, source);
}

/** Whether HTTP can say it, without knowing the size. */
function isPlain({ offset, length }: ByteRange): boolean {
  if (!Number.isSafeInteger(offset) || offset < 0) return false;
  return length === undefined || (Number.isSafeInteger(offset + length) && length > 0);
}

async function openWhole(name: string, response: HttpResponse): Promise<OpenedRange> {
  const length = Number(response.header('content-length') ?? Number.NaN);
  if (response.status === 200 && Number.isSafeInteger(length))
    return { length, stream: response.stream() };
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
    if (outside.length === 0) return empty();
    throw misunderstood(name, 'refuses a range that lies inside');
  }
  const given = givenRange(response);
  try {
    if (!Number.isSafeInteger(given.size))
      throw misunderstood(name, 'does not say which part it gives');
    const wanted = resolveRange(name, given.size, range);
    if (given.offset !== wanted.offset || given.length !== wanted.length)
      throw misunderstood(name, 'gives another range than was asked for');
    return { length: wanted.length, stream: response.stream() };
  } catch (error) {
    await response.discard();
    throw error;
  }
}

/** What part of which size an answer carries; `NaN` where it does not say. */
function givenRange(response: HttpResponse): {
  readonly offset: number;
  readonly length: number;
  readonly size: number;
} {
  if (response.status === 200) {
    const size = Number(response.header('content-length') ?? Number.NaN);
    return { offset: 0, length: size, size };
  }
  const said = /^bytes ([0-9]+)-([0-9]+)\/([0-9]+)$/u.exec(response.header('content-range') ?? '');
  const [first, last, size] = [1, 2, 3].map((group) => Number(said?.[group] ?? Number.NaN));
  const offset = first ?? Number.NaN;
  return { offset, length: (last ?? Number.NaN) - offset + 1, size: size ?? Number.NaN };
}

function empty(): OpenedRange {
  return {
    length: 0,
    stream: new ReadableStream<Uint8Array>({ start: (controller) => controller.close() }),
  };
}

function misunderstood(name: string, what: string): AppError {
  return new AppError('storage/unavailable', `Cannot read "${name}": the server ${what}`);
}
