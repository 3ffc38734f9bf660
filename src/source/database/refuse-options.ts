import { AppError } from '../../base/errors.ts';
import type { DumpRequest } from './database-dump.ts';

const flagOf = {
  format: '--database-format',
  globals: '--database-globals',
  include: '--database-include',
  exclude: '--database-exclude',
  arguments: '--database-argument',
} as const;

/** Refuses what a kind of database has no meaning for. @throws AppError `input/usage` */
export function refuseOptions(request: DumpRequest, names: readonly (keyof typeof flagOf)[]): void {
  for (const name of names) {
    const value = request[name];
    if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) {
      continue;
    }
    throw new AppError(
      'input/usage',
      `"${flagOf[name]}" means nothing for "${request.address.kind}://"`,
      { hint: 'Leave it out' },
    );
  }
}
