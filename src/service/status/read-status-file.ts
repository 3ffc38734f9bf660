import { readFile } from 'node:fs/promises';

import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import type { ServiceStatus } from './service-status.ts';

/** Where root tells how things stand, for everybody: the state directory is closed to others. It outlasts a restart of the machine, after which a failure must not be forgotten. */
export const PUBLIC_STATUS_FILE = '/var/lib/holdfast-status/status.json';

/**
 * Reads a status file.
 *
 * @throws AppError `input/invalid` when it is missing, not readable, no status or of a newer kind
 */
export async function readStatusFile(file: string): Promise<ServiceStatus> {
  const cannot = (reason: string, cause?: unknown): AppError =>
    new AppError('input/invalid', `Cannot read the status in "${file}": ${reason}`, {
      cause,
      hint: 'It is written by "holdfast server" and after each run; --status-file names another',
    });
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const code = systemCodeOf(cause);
    throw cannot(
      code === 'ENOENT'
        ? 'it is not there'
        : code === 'EACCES'
          ? 'this user may not read it'
          : messageOf(cause),
      cause,
    );
  }
  let status: Partial<ServiceStatus> | null;
  try {
    status = JSON.parse(text) as Partial<ServiceStatus> | null;
  } catch (cause) {
    throw cannot('it is damaged', cause);
  }
  if (status?.schema !== 1) {
    throw cannot(
      typeof status?.schema === 'number' && status.schema > 1
        ? 'it was written by a newer version'
        : 'it holds something else',
    );
  }
  if (typeof status.at !== 'number' || !Array.isArray(status.jobs)) throw cannot('it is damaged');
  return status as ServiceStatus;
}
