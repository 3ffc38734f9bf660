import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { type Body, piecesOf } from '../../body.ts';
import { watchOfCall } from '../../call-watch.ts';
import type { Handle, SftpSession } from './session.ts';

/** Bytes of one object that are asked for ahead of who reads them, at most. */
export const readWindow = 4 * 1024 ** 2;

/**
 * Sends a body to an open file, many pieces at once, without copying them. The last of them may still be unanswered when this resolves
 * with what is to be awaited for them.
 */
export async function writeBody(
  session: SftpSession,
  { handle, name, body }: { readonly handle: Handle; readonly name: string; readonly body: Body },
  { signal }: CallOptions,
): Promise<{ readonly written: Promise<void> }> {
  const watch = watchOfCall();
  const chunk = session.chunk.write;
  const unanswered = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const hasFailed = (): boolean => failure !== undefined;
  let offset = 0;
  let parts: Uint8Array[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (size === 0) return;
    // Whatever room there is: one piece of each transfer is always let in.
    while (unanswered.size > 0 && !session.writing.hasRoom && !hasFailed())
      await session.until(session.writing.room(), { signal });
    const [at, sent] = [offset, parts];
    const answer: Promise<void> = session.writing
      .count(size, () => session.write(handle, at, sent))
      .then(() => watch.moved())
      .catch((error: unknown) => void (failure ??= { error }))
      .finally(() => unanswered.delete(answer));
    unanswered.add(answer);
    offset += size;
    parts = [];
    size = 0;
    if (failure !== undefined) throw failure.error;
  };
  for await (let piece of piecesOf(name, body, { signal })) {
    while (piece.byteLength > 0) {
      const part = piece.subarray(0, chunk - size);
      parts.push(part);
      size += part.byteLength;
      piece = piece.subarray(part.byteLength);
      if (size === chunk) await flush();
    }
  }
  await flush();
  const written = Promise.all(unanswered).then(() => {
    if (failure !== undefined) throw failure.error;
  });
  return { written };
}

/** Some bytes of a file that were asked for. */
interface Asked {
  readonly offset: number;
  readonly length: number;
  readonly answer: Promise<Uint8Array | undefined>;
}

/** Asks for the first bytes of a range before the size of the file is known; without `length`, for one piece. The file may have less. */
export function askAhead(
  session: SftpSession,
  handle: Handle,
  {
    offset,
    length = session.chunk.read,
    ahead,
  }: { readonly offset: number; readonly length?: number | undefined; readonly ahead: number },
): readonly Asked[] {
  const asked: Asked[] = [];
  const end = offset + Math.min(length, ahead);
  for (let at = offset; at < end && (asked.length === 0 || session.reading.hasRoom);) {
    const part = Math.min(session.chunk.read, end - at);
    asked.push(request(session, handle, at, part));
    at += part;
  }
  return asked;
}

/** The bytes of a range of an open file, in order; asked for ahead of who reads them. */
export class RangeReader {
  readonly #session: SftpSession;
  readonly #name: string;
  readonly #handle: Handle;
  readonly #end: number;
  #asked: Asked[] = [];
  #chunk: number;
  #ahead: number;
  /** The place up to which everything was asked for. */
  #position: number;

  /** `ahead` is how many bytes are asked for before the first is read; it grows while somebody reads. */
  constructor(
    session: SftpSession,
    file: {
      readonly handle: Handle;
      readonly name: string;
      readonly offset: number;
      readonly length: number;
      readonly ahead: number;
    },
  ) {
    this.#session = session;
    this.#name = file.name;
    this.#handle = file.handle;
    this.#position = file.offset;
    this.#end = file.offset + file.length;
    this.#chunk = session.chunk.read;
    this.#ahead = file.ahead;
  }

  /** Uses what was asked for before the length was known; it must be what comes next in the range. */
  adopt({ offset, length, answer }: Asked): void {
    const wanted = Math.min(length, this.#end - offset);
    if (wanted <= 0) return;
    const cut = answer.then((bytes) => bytes?.subarray(0, wanted));
    cut.catch(() => undefined);
    this.#asked.push({ offset, length: wanted, answer: cut });
    this.#position = offset + wanted;
  }

  /** The next bytes, `undefined` after the last. Rejects when the file ends before the range does. */
  async next({ signal }: CallOptions = {}): Promise<Uint8Array | undefined> {
    this.#ask();
    const first = this.#asked.shift();
    if (first === undefined) return undefined;
    this.#ahead = Math.min(this.#ahead * 2, readWindow);
    const bytes = await this.#session.until(first.answer, { signal });
    watchOfCall().moved();
    const missing = first.length - (bytes?.byteLength ?? 0);
    if (bytes === undefined || bytes.byteLength === 0 || missing < 0)
      throw new AppError(
        'storage/unavailable',
        `Reading "${this.#name}" gave fewer bytes than it has`,
      );
    if (missing > 0) {
      // It gives less at once than was asked for.
      this.#chunk = Math.max(4096, bytes.byteLength);
      this.#asked.unshift(this.#request(first.offset + bytes.byteLength, missing));
    }
    return bytes;
  }

  #ask(): void {
    let outstanding = this.#asked.reduce((sum, { length }) => sum + length, 0);
    const { reading } = this.#session;
    const mayAsk = (): boolean =>
      outstanding === 0 || (outstanding < this.#ahead && reading.hasRoom);
    while (this.#position < this.#end && mayAsk()) {
      const length = Math.min(this.#chunk, this.#end - this.#position);
      this.#asked.push(this.#request(this.#position, length));
      this.#position += length;
      outstanding += length;
    }
  }

  #request(offset: number, length: number): Asked {
    return request(this.#session, this.#handle, offset, length);
  }
}

function request(session: SftpSession, handle: Handle, offset: number, length: number): Asked {
  const answer = session.reading.count(length, () => session.read(handle, offset, length));
  // It may be given up before anybody waits for it.
  answer.catch(() => undefined);
  return { offset, length, answer };
}
