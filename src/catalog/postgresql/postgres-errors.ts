import { AppError, systemCodeOf } from '../../base/errors.ts';

/** SQLSTATE of an error of PostgreSQL (Appendix A of its manual): five letters and digits. */
function sqlStateOf(error: unknown): string | undefined {
  const code = systemCodeOf(error);
  return code !== undefined && /^[\dA-Z]{5}$/u.test(code) && !code.startsWith('E')
    ? code
    : undefined;
}

/** Whether other transactions were in the way, so that doing the same again may help: serialization, deadlock, a lock that was not given in time. */
export const isInTheWay = (error: unknown): boolean =>
  ['40001', '40P01', '55P03'].includes(sqlStateOf(error) ?? '');

/** What an error of `pg` means; a mistake of ours as it is. `location` is without secrets. */
export function postgresFailure(error: unknown, location: string): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const what = `The catalog "${location}"`;
  const unavailable = (sentence: string, hint?: string): AppError =>
    new AppError('catalog/unavailable', `${what} ${sentence}`, {
      cause: error,
      ...(hint !== undefined && { hint }),
    });
  const state = sqlStateOf(error);
  if (state === undefined) {
    return isConnectionProblem(error)
      ? unavailable(
          `cannot be reached: ${reasonOf(error)}`,
          'See whether the server runs, and whether host and port are right',
        )
      : error;
  }
  if (isInTheWay(error)) return unavailable('is held by other processes for too long');
  switch (state) {
    case '28P01':
    case '28000':
      return unavailable(`does not let the user in: ${error.message}`, 'Check user and password');
    case '3D000':
      return unavailable('is not there', 'Make the database, for example with createdb');
    case '42501':
      return unavailable(
        `may not be used: ${error.message}`,
        'The user needs the right to create schemas in the database',
      );
    case '53100':
      return unavailable('has no space left on its disk');
    default:
      // Classes: connections, resources, an operator's doing, the system, a configuration file.
      return /^(?:08|53|57|58|F0|25006)/u.test(state)
        ? unavailable(`cannot be used: ${error.message}`)
        : error;
  }
}

function isConnectionProblem(error: Error): boolean {
  return (
    systemCodeOf(error) !== undefined ||
    /connection|timeout|terminated|not queryable|SSL|SCRAM|password/iu.test(error.message)
  );
}

/** Node says nothing itself when it has tried several addresses. */
function reasonOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return first instanceof Error ? first.message : error.message;
}
