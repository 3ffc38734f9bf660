import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { writeFileAtomically } from '../../base/atomic-file.ts';
import { utf8 } from '../../base/bytes.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { fileReason } from '../../base/file-reason.ts';

/** What is kept in the file besides what other programs have put there. */
interface Content {
  readonly [field: string]: unknown;
}

/**
 * The file in which the newest refresh token of an account is kept: JSON with a field `refresh_token`, as rclone and duplicity write it
 * too; other fields stay. A field `holdfast_origin` says which configured token the kept one descends from, so that a token which the
 * user configures anew is not passed over.
 */
export class OauthTokenFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * The refresh token to use, when `configured` is the one of the options. Throws `input/usage` for a file that cannot be read or holds
   * no token; a file that is not there yet is none.
   */
  async newest(configured: string | undefined): Promise<string | undefined> {
    const content = await this.#read();
    const kept = content?.['refresh_token'];
    if (typeof kept !== 'string' || kept === '') {
      if (content !== undefined && configured === undefined) throw this.#empty();
      return configured;
    }
    if (configured === undefined || content?.['holdfast_origin'] === originOf(configured))
      return kept;
    return configured;
  }

  /** Replaces the token in the file, atomically and for the owner alone. Rejects with `local/unwritable`. */
  async keep(token: string, configured: string | undefined): Promise<void> {
    try {
      const content: Content = {
        ...(await this.#read().catch(() => undefined)),
        refresh_token: token,
        ...(configured !== undefined && { holdfast_origin: originOf(configured) }),
      };
      await writeFileAtomically(this.path, utf8(`${JSON.stringify(content, null, 2)}\n`));
    } catch (cause) {
      throw new AppError(
        'local/unwritable',
        `Cannot keep the new refresh token in "${this.path}": ${messageOf(cause)}`,
        {
          cause,
          hint: 'Make its directory writable: without the new token you may have to sign in again',
        },
      );
    }
  }

  async #read(): Promise<Content | undefined> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (cause) {
      if (systemCodeOf(cause) === 'ENOENT') return undefined;
      throw new AppError(
        'input/usage',
        `Cannot read the token file "${this.path}": ${fileReason(cause)}`,
        { cause },
      );
    }
    try {
      const content: unknown = JSON.parse(text);
      if (typeof content === 'object' && content !== null && !Array.isArray(content))
        return content as Content;
    } catch {
      // Whatever the parser says could hold a part of a token.
    }
    throw this.#empty();
  }

  #empty(): AppError {
    return new AppError('input/usage', `The token file "${this.path}" holds no refresh token`, {
      hint: 'It must be JSON with a field "refresh_token"; remove it, and give the token by the option "refresh-token"',
    });
  }
}

function originOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 16);
}
