import { link, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { writeFileAtomically } from '../base/atomic-file.ts';
import { toHex } from '../base/bytes.ts';
import { AppError, messageOf, systemCodeOf } from '../base/errors.ts';
import { makeDirectories } from '../base/make-directories.ts';
import { systemRandom } from '../base/random.ts';
import { Secret } from '../base/secret.ts';

/** A token that can be guessed is none. */
const SHORTEST = 16;

/** Where the token of this machine lies. */
export const apiTokenFile = (stateDirectory: string): string =>
  path.join(stateDirectory, 'api-token');

/**
 * The token of the API: `HOLDFAST_API_TOKEN`, the content of the file that `HOLDFAST_API_TOKEN_FILE` names, or that of `api-token` in the state directory, which
 * is made (0600) when it is not there.
 *
 * @throws AppError `input/invalid` if it is too short or given twice, `local/unwritable` if it cannot be kept
 */
export async function apiToken(
  stateDirectory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Secret> {
  const given = environment['HOLDFAST_API_TOKEN'];
  const givenFile = environment['HOLDFAST_API_TOKEN_FILE'];
  if (given !== undefined && givenFile !== undefined) {
    throw new AppError(
      'input/invalid',
      'The token of the API is given twice: by "HOLDFAST_API_TOKEN" and "HOLDFAST_API_TOKEN_FILE"',
    );
  }
  if (given !== undefined) return checked(given, 'in "HOLDFAST_API_TOKEN"');
  if (givenFile !== undefined) {
    const text = await readToken(givenFile);
    if (text !== undefined) return checked(text, `in "${givenFile}"`);
    throw new AppError(
      'input/invalid',
      `The file "${givenFile}" of "HOLDFAST_API_TOKEN_FILE" is not there`,
    );
  }
  const file = apiTokenFile(stateDirectory);
  const text = (await readToken(file)) ?? (await makeToken(file));
  return checked(text, `in "${file}"`);
}

async function readToken(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return undefined;
    throw new AppError('input/invalid', `Cannot read the token in "${file}": ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** Of two that start at once both use the token of the one that was sooner. */
async function makeToken(file: string): Promise<string> {
  const fresh = `${file}.${toHex(systemRandom(6))}.new`;
  try {
    await makeDirectories(path.dirname(file), { mode: 0o700 });
    await writeFileAtomically(fresh, Buffer.from(`${toHex(systemRandom(32))}\n`));
    try {
      await link(fresh, file);
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
    } finally {
      await rm(fresh, { force: true });
    }
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError(
      'local/unwritable',
      `Cannot keep the token of the API in "${file}": ${messageOf(cause)}`,
      { cause },
    );
  }
}

function checked(text: string, where: string): Secret {
  const token = text.trim();
  if (token.length >= SHORTEST && /^[\x21-\x7e]+$/u.test(token)) return new Secret(token);
  throw new AppError(
    'input/invalid',
    `The token of the API ${where} must have at least ${SHORTEST} characters and no blanks`,
  );
}
