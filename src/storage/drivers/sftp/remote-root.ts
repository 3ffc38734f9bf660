import { AppError } from '../../../base/errors.ts';
import { checkObjectName } from '../../object-name.ts';
import { isDirectory } from './file-type.ts';
import { statusCode } from './packet.ts';
import type { SftpSession } from './session.ts';
import { unlessStatus } from './status-error.ts';
import { isReserved } from '../../temporary-name.ts';

/**
 * The directory that holds the objects. Once it was seen it has to stay: a disk that is no longer mounted on the server must not look like
 * an empty storage, nor be written to beside it.
 */
export class RemoteRoot {
  /** As the server is asked for it; `.` is the directory of the login. */
  readonly path: string;
  readonly #location: string;
  #wasSeen = false;

  constructor(path: string, location: string) {
    this.path = path;
    this.#location = location;
  }

  /** The path of an object or of a directory; of the root for an empty name. */
  pathOf(name: string): string {
    if (name === '') return this.path;
    return this.path === '/' ? `/${name}` : `${this.path}/${name}`;
  }

  /** The path of an object. Throws `input/invalid` for what cannot be the name of one. */
  fileOf(name: string): string {
    checkObjectName(name);
    if (name.split('/').some(isReserved)) {
      throw new AppError(
        'input/invalid',
        `Cannot use "${name}" as an object name: it is reserved for unfinished files`,
      );
    }
    return this.pathOf(name);
  }

  /** Whether it is there. Rejects when it is no directory, and when it is no longer there. */
  async exists(session: SftpSession): Promise<boolean> {
    const found = await unlessStatus(session.stat(this.path), statusCode.noSuchFile);
    if (found === undefined && this.#wasSeen) {
      throw new AppError(
        'storage/unavailable',
        `The directory of "${this.#location}" is no longer there`,
        {
          hint: 'Look whether its disk is still mounted on the server',
        },
      );
    }
    if (found === undefined) await this.#refuseDeadLink(session);
    if (found !== undefined && !isDirectory(found)) {
      throw new AppError('storage/access-denied', `"${this.#location}" is no directory`, {
        hint: 'Choose a directory on the server, or the path of one that is to be made',
      });
    }
    this.#wasSeen = found !== undefined;
    return this.#wasSeen;
  }

  /** It may be missing again. */
  forget(): void {
    this.#wasSeen = false;
  }

  /** Nothing can be made behind a link that leads nowhere, and what it should lead to may only not be mounted. */
  async #refuseDeadLink(session: SftpSession): Promise<void> {
    const link = await unlessStatus(session.lstat(this.path), statusCode.noSuchFile);
    if (link === undefined) return;
    throw new AppError(
      'storage/access-denied',
      `"${this.#location}" is a symbolic link that leads nowhere`,
      { hint: 'Mount on the server what it leads to, or make the directory there' },
    );
  }
}
