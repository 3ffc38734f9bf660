import { AppError } from '../../../base/errors.ts';

/** One line of `rsync --list-only`. */
export interface ListedEntry {
  /** Relative to the directory that was listed; `undefined` when it is no UTF-8. */
  readonly name: string | undefined;
  /** `-` for a file, `d` for a directory, and others. */
  readonly type: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

const listed =
  /^([-dlcbspD])\S{9,10} +([0-9]+) ([0-9]{4})\/([0-9]{2})\/([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) (.+)$/su;

/**
 * The entries that `rsync --list-only --no-human-readable -8` prints with `TZ=UTC`. Throws `storage/unavailable` for a line that makes
 * no sense: a listing is whole, or an error.
 */
export function parseListing(output: Buffer): readonly ListedEntry[] {
  return linesOf(output).map((line) => {
    const [, type = '', size, year, month, day, hour, minute, second, name = ''] =
      listed.exec(line) ?? [];
    if (type === '') {
      throw new AppError(
        'storage/unavailable',
        `rsync prints a line that cannot be understood: ${JSON.stringify(line.slice(0, 100))}`,
      );
    }
    return {
      name: decodeName(name),
      type,
      size: Number(size),
      modified: Date.UTC(
        Number(year),
        Number(month) - 1,
        Number(day),
        Number(hour),
        Number(minute),
        Number(second),
      ),
    };
  });
}

/** One line of `--out-format='%i %n'`. */
export interface ItemizedEntry {
  readonly name: string | undefined;
  readonly isFile: boolean;
  /** It was sent or received, and not left as it was. */
  readonly transferred: boolean;
}

/** The entries that `rsync --out-format='%i %n' -8` prints; lines of another form are messages and left out. */
export function parseItemized(output: Buffer): readonly ItemizedEntry[] {
  return linesOf(output).flatMap((line) => {
    const [, update, type, name = ''] = /^([<>ch.])([fdLDS]).{9} (.+)$/su.exec(line) ?? [];
    if (update === undefined) return [];
    return [
      {
        name: decodeName(name),
        isFile: type === 'f',
        transferred: update === '<' || update === '>',
      },
    ];
  });
}

/** Lines whose characters are bytes. */
function linesOf(output: Buffer): readonly string[] {
  return output
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '');
}

/** Control characters are written as `\#012`, and so is a backslash that could be mistaken for the beginning of one. */
function decodeName(name: string): string | undefined {
  const bytes = name.replaceAll(/\\#([0-7]{3})/gu, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(bytes, 'latin1'),
    );
  } catch {
    // No object can be called so.
    return undefined;
  }
}
