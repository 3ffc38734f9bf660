import { AppError, messageOf } from '../../base/errors.ts';

/** The primary result codes of SQLite (https://sqlite.org/rescode.html) that are told apart. */
const codes = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
};

/** The primary result code of an error of `node:sqlite`. */
function sqliteCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** Whether another process was in the way, so that doing the same again may help. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return code === codes.busy || code === codes.locked;
}

/** What an error of `node:sqlite` means; anything else as it is. */
export function sqliteFailure(error: unknown, file: string): unknown {
  const code = sqliteCodeOf(error);
  if (code === undefined) return error;
  const [sentence, hint] = sentenceOf(code, error);
  const lasting = code === codes.corrupt || code === codes.notADatabase;
  return new AppError(
    lasting ? 'catalog/unusable' : 'catalog/unavailable',
    sentence.replace('%', `"${file}"`),
    { cause: error, ...(hint !== undefined && { hint }) },
  );
}

function sentenceOf(code: number, error: unknown): readonly [string, string?] {
  switch (code) {
    case codes.busy:
    case codes.locked:
      return ['The catalog % is held by another process for too long'];
    case codes.readOnly:
      return ['The catalog % cannot be written'];
    case codes.full:
      return ['There is no space left for the catalog %', 'Free some space on its disk'];
    case codes.cannotOpen:
      return ['The catalog % cannot be opened', 'See whether its directory is there and writable'];
    case codes.corrupt:
      return ['The catalog % is damaged', 'Put it back from a backup'];
    case codes.notADatabase:
      return ['The file % is not a catalog'];
    default:
      return [`The catalog % cannot be used: ${messageOf(error)}`];
  }
}
