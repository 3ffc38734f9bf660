import path from 'node:path';

import { writeFileAtomically } from '../../base/atomic-file.ts';
import type { CallOptions } from '../../base/call-options.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { makeDirectories } from '../../base/make-directories.ts';
import { metricsText } from './metrics-text.ts';
import type { ServiceStatus } from './service-status.ts';

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
      await makeDirectories(path.dirname(file), { mode: 0o755 });
      const bytes = Buffer.from(text);
      // A power cut may cost the last state, which is written anew after it; what it leaves is whole.
      await writeFileAtomically(file, bytes, { ...options, mode: 0o644, exactMode: true });
    } catch (cause) {
      options.signal?.throwIfAborted();
      problems.push(
        new AppError('local/unwritable', `Cannot write "${file}": ${reasonOf(cause)}`, { cause }),
      );
    }
  };
  const json = `${JSON.stringify(status)}\n`;
  for (const file of statusFiles) await write(file, json);
  if (metricsFile !== undefined) await write(metricsFile, metricsText(status));
  if (problems[0] !== undefined) throw problems[0];
}

/** Without the paths that Node adds: that of the temporary file is another one each time. */
const reasonOf = (cause: unknown): string => messageOf(cause).replace(/, [a-z]+(?: '[^]*)?$/u, '');
