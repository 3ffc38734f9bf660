import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { writeFileAtomically } from '../../base/atomic-file.ts';
import type { CallOptions } from '../../base/call-options.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { makeDirectories } from '../../base/make-directories.ts';

/** A file that a command generates, and whose first line says so. */
export interface GeneratedFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Writes files into a directory, each at once as a whole. Nothing is written if one of them is there and was not generated.
 *
 * @throws AppError `input/conflict` for a file of somebody else, `local/unwritable`
 */
export async function writeGenerated(
  directory: string,
  files: readonly GeneratedFile[],
  mark: string,
  { signal }: CallOptions = {},
): Promise<void> {
  for (const { name } of files) {
    const file = path.join(directory, name);
    if ((await firstLine(file)) !== undefined && !(await isGenerated(file, mark)))
      throw new AppError('input/conflict', `"${file}" is there and was not made by this command`, {
        hint: 'Move it away first',
      });
  }
  try {
    await makeDirectories(directory);
    for (const { name, text } of files)
      await writeFileAtomically(path.join(directory, name), Buffer.from(text), {
        mode: 0o644,
        signal,
      });
  } catch (cause) {
    signal?.throwIfAborted();
    throw unwritable(directory, cause);
  }
}

/** The generated files of a directory whose name fits, sorted. */
export async function findGenerated(
  directory: string,
  fits: RegExp,
  mark: string,
): Promise<readonly string[]> {
  let names: readonly string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw unwritable(directory, error);
  }
  const found: string[] = [];
  for (const name of [...names].sort())
    if (fits.test(name) && (await isGenerated(path.join(directory, name), mark))) found.push(name);
  return found;
}

/** Removes files that `findGenerated` has found. */
export async function removeGenerated(directory: string, names: readonly string[]): Promise<void> {
  try {
    for (const name of names) await rm(path.join(directory, name), { force: true });
  } catch (cause) {
    throw unwritable(directory, cause);
  }
}

async function isGenerated(file: string, mark: string): Promise<boolean> {
  return (await firstLine(file)) === mark;
}

/** `undefined` if there is no such file. */
async function firstLine(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).split('\n', 1)[0];
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw unwritable(file, error);
  }
}

function unwritable(place: string, cause: unknown): AppError {
  return new AppError('local/unwritable', `Cannot write "${place}": ${messageOf(cause)}`, {
    cause,
  });
}
