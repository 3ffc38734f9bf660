import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { resolveRange } from '../../byte-range.ts';
import type { ByteRange } from '../../storage.ts';
import { isDirectory } from './file-type.ts';
import { openFlag } from './packet.ts';
import type { SftpSession } from './session.ts';
import { askAhead, RangeReader, readWindow } from './transfer.ts';

/** An object that is being read. `close` has to be called, and does not wait. */
export interface OpenObject {
  /** Bytes that will come. */
  readonly length: number;
  /** The next bytes, `undefined` at the end. */
  next(options: CallOptions): Promise<Uint8Array | undefined>;
  close(): void;
}

/** What of an object is to be read, and how. */
export interface Reading {
  readonly name: string;
  readonly file: string;
  readonly range?: ByteRange | undefined;
  /** All of it, into memory: nobody breaks it off, or reads it slowly. */
  readonly whole: boolean;
}

/** Opens an object and asks for the first bytes of a range of it. Rejects with `storage/bad-range`, or with the server's answer. */
export async function openObject(
  session: SftpSession,
  { name, file, range, whole }: Reading,
  { signal }: CallOptions,
): Promise<OpenObject> {
  const opening = session.open(file, openFlag.read);
  let isOpen = false;
  try {
    const handle = await session.until(opening, { signal });
    const { offset = 0, length } = range ?? {};
    // With the question for its size goes one for the first bytes, or for all that is wanted if somebody has said how much: that saves a round trip.
    const looked = session.fstat(handle);
    const ahead = whole ? readWindow : 2 * session.chunk.read;
    const asked = canGuess(offset, length)
      ? askAhead(session, handle, { offset, length, ahead })
      : [];
    const found = await session.until(looked, { signal });
    if (isDirectory(found))
      throw new AppError('storage/not-found', `No object "${name}": it is a directory`);
    if (found.size === undefined)
      throw new AppError(
        'storage/access-denied',
        `Cannot read "${name}": the server does not tell its size`,
      );
    const wanted = resolveRange(name, found.size, range);
    const reader = new RangeReader(session, { handle, name, ...wanted, ahead });
    for (const part of asked) reader.adopt(part);
    isOpen = true;
    let isClosed = false;
    return {
      length: wanted.length,
      next: (options) => reader.next(options),
      close() {
        if (!isClosed) session.closeLater(opening);
        isClosed = true;
      },
    };
  } finally {
    if (!isOpen) session.closeLater(opening);
  }
}

function canGuess(offset: number, length = 1): boolean {
  return Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length);
}
