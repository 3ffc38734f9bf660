import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { writeFileAtomically } from '../../base/atomic-file.ts';
import type { CallOptions } from '../../base/call-options.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { metricsText } from './metrics-text.ts';
import type { ServiceStatus } from './service-status.ts';

/** Where a service that may write there tells how things stand, for everybody: the state directory is closed to others. */
export const PUBLIC_STATUS_FILE = '/run/holdfast/status.json';

/** The files that tell how things stand. */
export interface StatusPlaces {
  /** JSON, in every one of these. */
  readonly statusFiles: readonly string[];
  /** For the node exporter of Prometheus; its name must end in `.prom`. */
  readonly metricsFile?: string | undefined;
}

/**
 * Writes how things stand into files that everybody may read (0644) and nobody ever sees half of. What cannot be written does not keep the others from
 * being so.
 *
 * @throws AppError `local/unwritable` for the first that cannot be written, after all were tried
 */
export async function writeStatusFiles(
  { statusFiles, metricsFile }: StatusPlaces,
  status: ServiceStatus,
  options: CallOptions = {},
): Promise<void> {
  const problems: AppError[] = [];
  const write = async (file: string, text: string): Promise<void> => {
    try {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o755 });
      const bytes = Buffer.from(text);
      // A power cut may cost the last state, which is written anew after it; what it leaves is whole.
      await writeFileAtomically(file, bytes, { ...options, mode: 0o644, exactMode: true });
    } catch (cause) {
      options.signal?.throwIfAborted();
      problems.push(
        new AppError('local/unwritable', `Cannot write "${file}": ${messageOf(cause)}`, { cause }),
      );
    }
  };
  const json = `${JSON.stringify(status)}\n`;
  for (const file of statusFiles) await write(file, json);
  if (metricsFile !== undefined) await write(metricsFile, metricsText(status));
  if (problems[0] !== undefined) throw problems[0];
}

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
