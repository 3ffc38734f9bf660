import { AppError } from '../../base/errors.ts';
import { parseExtendedRegularExpression } from './extended-regular-expression.ts';

export interface NameRules {
  readonly include?: string | undefined;
  readonly exclude?: string | undefined;
}

/**
 * Those of the databases of a server that are wanted: an expression that is not given matches everything, or nothing for `exclude`.
 *
 * @throws AppError `database/failed` if none is left: a backup of nothing is a mistake; `input/invalid`
 */
export function chooseDatabases(
  names: readonly string[],
  { include, exclude }: NameRules,
  server: string,
): readonly string[] {
  const wanted = include === undefined ? undefined : parseExtendedRegularExpression(include);
  const unwanted = exclude === undefined ? undefined : parseExtendedRegularExpression(exclude);
  const chosen = names.filter(
    (name) => wanted?.test(name) !== false && unwanted?.test(name) !== true,
  );
  if (chosen.length > 0) return chosen;
  if (names.length === 0) {
    throw new AppError('database/failed', `The server "${server}" has no database to dump`, {
      hint: 'Those of the system are left out; name one of them in the URL to dump it',
    });
  }
  throw new AppError('database/failed', `No database of the server "${server}" is wanted`, {
    hint: `It has ${names.map((name) => `"${name}"`).join(', ')}; look at what is included and excluded`,
  });
}

/** Refuses expressions where one database is named. @throws AppError `input/usage` */
export function refuseRules({ include, exclude }: NameRules, database: string): void {
  if (include === undefined && exclude === undefined) return;
  throw new AppError(
    'input/usage',
    `The URL names the database "${database}": there is nothing to include or exclude`,
    { hint: 'Leave the name out of the URL to choose among all databases of the server' },
  );
}

/** A name for a file from that of a database, which may hold any character: `%` and `/` are percent-encoded, and `globals` is kept for roles. */
export function fileNameOf(database: string, extension: string): string {
  const name = database.replaceAll('%', '%25').replaceAll('/', '%2F');
  return `${name.replace(/^globals$/u, '%67lobals')}${extension}`;
}
