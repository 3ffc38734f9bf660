import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { Secret } from '../../base/secret.ts';
import type { SqlDatabase } from '../sql-database.ts';

export async function openPostgres(
  _url: Secret,
  _options: CallOptions & { readonly clock: Clock },
): Promise<SqlDatabase> {
  throw new AppError('catalog/unavailable', 'PostgreSQL is not there yet');
}
