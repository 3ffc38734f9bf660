import { readFile, stat } from 'node:fs/promises';

import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { fileReason } from '../base/file-reason.ts';
import { lookAgain } from '../base/look-again.ts';
import { quotePath } from '../base/posix/system-error.ts';
import { parseSize } from '../base/size.ts';
import type { TransferRates } from '../storage/layers/throttling.ts';

/** Milliseconds between two looks at the file. */
const pause = 1000;

/** Why looking ends. One for all, since nobody is told. */
const over = new Error('The limits are not needed any more');

/** Bytes a second, `off` for no limit; nothing where the file says nothing. */
export interface Limits {
  readonly upload?: number | 'off';
  readonly download?: number | 'off';
}

/**
 * Keeps `rates` as a file says, which may change while they are in use: lines of `upload` or `download` and a size a second, or `off`; what is not named has the limit
 * that it had at first.
 * A change counts when the file has stayed so from one look to the next.
 * A file that makes no sense any more is told to `warn`, and the limits stay as they were.
 *
 * @throws AppError `input/invalid` for a file that makes no sense or cannot be read when it is looked at first
 */
export async function followLimitFile(
  file: string,
  rates: TransferRates,
  { clock, warn }: { readonly clock: Clock; readonly warn: (problem: AppError) => void },
): Promise<Disposable> {
  const { upload, download } = rates;
  const take = (text: string): void => {
    const limits = parseLimits(text);
    rates.upload = rateOf(limits.upload, upload);
    rates.download = rateOf(limits.download, download);
  };
  let taken: string;
  try {
    taken = await versionOf(file);
    take(await readFile(file, 'utf8'));
  } catch (error) {
    throw unusable(file, error);
  }
  let met = taken;
  const look = async (): Promise<void> => {
    const version = await versionOf(file);
    const isChanging = version !== met;
    met = version;
    // A file that is being written is empty at first, which would lift the limits.
    if (isChanging || version === taken) return;
    const text = await readFile(file, 'utf8');
    // What makes no sense is told once.
    taken = version;
    take(text);
  };
  const stop = new AbortController();
  const { signal } = stop;
  void lookAgain(look, { clock, pause, signal, warn: (error) => warn(unusable(file, error)) });
  return { [Symbol.dispose]: () => stop.abort(over) };
}

/** Something that changes with the file. */
async function versionOf(file: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(file, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

/** What a file of limits says. Throws `input/invalid`. */
export function parseLimits(text: string): Limits {
  const limits: { -readonly [Direction in keyof Limits]: Limits[Direction] } = {};
  for (const line of text.split('\n')) {
    const [direction = '', ...rest] = line
      .replace(/#.*/u, '')
      .trim()
      .split(/[\s=:]+/u);
    if (direction === '') continue;
    if (direction !== 'upload' && direction !== 'download')
      throw new AppError('input/invalid', `"${direction}" is neither "upload" nor "download"`);
    const size = rest.join(' ');
    limits[direction] = size === 'off' ? size : parseSize(size);
    if (limits[direction] === 0)
      throw new AppError('input/invalid', `A limit of 0 would stop every ${direction}`);
  }
  return limits;
}

function rateOf(
  limit: number | 'off' | undefined,
  atFirst: number | undefined,
): number | undefined {
  if (limit === undefined) return atFirst;
  return limit === 'off' ? undefined : limit;
}

function unusable(file: string, cause: unknown): AppError {
  const isNonsense = cause instanceof AppError;
  return new AppError(
    'input/invalid',
    `Cannot take the limits from ${quotePath(Buffer.from(file))}: ${fileReason(cause)}`,
    {
      cause,
      ...(isNonsense && { hint: 'Write lines such as "upload 2M" and "download off"' }),
    },
  );
}
