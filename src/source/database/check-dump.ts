import { AppError } from '../../base/errors.ts';
import { type DumpFormat, dumpFormats, headLength, tailLength } from './dump-format.ts';

/**
 * Passes a dump on and sees to it that it is one, from its first line to its last: a program that ends well although its output broke off, or wrote
 * nothing, is found out.
 *
 * @param what the dump as the beginning of a sentence: `The dump of "app"`
 * @throws AppError `database/failed`, at the end at the latest
 */
export async function* checkDump(
  pieces: AsyncIterable<Uint8Array>,
  format: DumpFormat,
  what: string,
): AsyncGenerator<Uint8Array, void, void> {
  const { title, begins, ends } = dumpFormats[format];
  let head = Buffer.alloc(0);
  let tail = Buffer.alloc(0);
  let length = 0;
  const checkHead = (): void => {
    if (begins(head)) return;
    throw new AppError('database/failed', `${what} does not begin like a ${title}`, {
      hint: 'Look whether an argument of the dump tool makes it write something else',
    });
  };
  for await (const piece of pieces) {
    if (piece.length === 0) continue;
    if (head.length < headLength) {
      head = Buffer.concat([head, piece.subarray(0, headLength - head.length)]);
      if (head.length === headLength) checkHead();
    }
    tail = Buffer.from(
      piece.length >= tailLength
        ? piece.subarray(-tailLength)
        : Buffer.concat([tail, piece]).subarray(-tailLength),
    );
    length += piece.length;
    yield piece;
  }
  if (length === 0) throw new AppError('database/failed', `${what} is empty`);
  if (head.length < headLength) checkHead();
  if (ends !== undefined && !ends(tail)) {
    throw new AppError('database/failed', `${what} is not complete: its end is missing`, {
      hint: 'The dump tool said that it succeeded all the same; look whether its disk or memory ran out',
    });
  }
}
