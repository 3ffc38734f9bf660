import path from 'node:path';

import type { Secret } from '../../base/secret.ts';
import {
  type DatabaseAddress,
  parseDatabaseUrl,
  withPassword,
} from '../../source/database/database-url.ts';
import type { CommandSession } from '../session.ts';

/** What a URL names, with the password if it has none of its own; the path of a file is made absolute. @throws AppError `input/usage` */
export function databaseAddress(
  text: string,
  password: Secret | undefined,
  { workingDirectory }: CommandSession,
): DatabaseAddress {
  const address = parseDatabaseUrl(text);
  return address.kind === 'sqlite'
    ? { ...address, database: path.resolve(workingDirectory, address.database ?? '') }
    : withPassword(address, password);
}
