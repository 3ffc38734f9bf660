import { AppError } from '../../../base/errors.ts';
import { Turns } from '../../../base/turns.ts';
import { isDirectory } from './file-type.ts';
import { openFlag, statusCode } from './packet.ts';
import type { SftpSession } from './session.ts';
import { hasStatus, unlessStatus } from './status-error.ts';
import { asideBeside, claimBeside } from '../../temporary-name.ts';

/** A finished file and the name that it is to have. */
export interface Publication {
  readonly name: string;
  readonly temporary: string;
  readonly file: string;
}

/** Whether a file got its name by the first request, which is sent at once. */
export type Steps = 'one' | 'several';

/** Gives finished files their names, by what the server has: one step where it can, several where it must. */
export class Publisher {
  /** What is being done to a file in several steps; the next one of the same file waits for it. */
  readonly #steps = new Turns();
  /** Whether two files can be made of one name with `O_EXCL`, once that is known. */
  #isExclusive: boolean | undefined;

  /** Whether `createNew` lets one of several win; looked into when it is first used on a server without hard links. */
  get isConditional(): boolean {
    return this.#isExclusive !== false;
  }

  /** In place of what may be there. The temporary name is gone afterwards. */
  async replace(session: SftpSession, publication: Publication): Promise<Steps> {
    const { name, temporary, file } = publication;
    try {
      if (session.has('posix-rename')) {
        await session.replace(temporary, file);
        return 'one';
      }
      using _turn = await this.#steps.take(file);
      await replaceBySteps(session, publication);
      return 'several';
    } catch (error) {
      if (!hasStatus(error)) throw error;
      const found = await unlessStatus(session.lstat(file), statusCode.noSuchFile);
      if (found === undefined || !isDirectory(found)) throw error;
      throw new AppError(
        'storage/access-denied',
        `Cannot store "${name}": a directory is in its place`,
        {
          cause: error,
        },
      );
    }
  }

  /** If nothing has the name; rejects with `storage/already-exists` otherwise. The temporary name may still be there afterwards. */
  async createNew(session: SftpSession, publication: Publication): Promise<Steps> {
    const { name, temporary, file } = publication;
    if (session.has('hardlink')) {
      try {
        await session.link(temporary, file);
        session.later(session.remove(temporary));
        return 'one';
      } catch (error) {
        if (!hasStatus(error)) throw error;
        await refuseExisting(session, name, file);
        // There is no such object, so the file system has no hard links.
      }
    }
    using _turn = await this.#steps.take(file);
    await this.#createClaimed(session, publication);
    return 'several';
  }

  /**
   * Whoever creates the claim looks and then renames. So two of them never both succeed; one that meets a replacing `put` of the same
   * name may come second and win.
   */
  async #createClaimed(
    session: SftpSession,
    { name, temporary, file }: Publication,
  ): Promise<void> {
    this.#isExclusive ??= await isExclusive(session, temporary);
    const claim = claimBeside(file);
    const flags = openFlag.write | openFlag.create | openFlag.exclusive;
    try {
      await session.close(await session.open(claim, flags));
    } catch (error) {
      if (!hasStatus(error)) throw error;
      await refuseExisting(session, name, file);
      throw new AppError(
        'storage/unavailable',
        `Cannot store "${name}": somebody else is creating it`,
        {
          cause: error,
          hint: `If nobody is, it is left from a crash and is removed after a day: "${claim}"`,
        },
      );
    }
    try {
      await refuseExisting(session, name, file);
      await session.rename(temporary, file);
    } finally {
      session.later(session.remove(claim));
    }
  }
}

/** Whether the temporary, which is there, can be created once more. */
async function isExclusive(session: SftpSession, temporary: string): Promise<boolean> {
  const flags = openFlag.write | openFlag.create | openFlag.exclusive;
  const handle = await unlessStatus(
    session.open(temporary, flags),
    ...Array.from({ length: 32 }, (_, code) => code),
  );
  if (handle !== undefined) await session.close(handle);
  return handle === undefined;
}

/** Without a renaming that replaces, what is there is put aside first; if the second step fails, it comes back. */
async function replaceBySteps(
  session: SftpSession,
  { temporary, file }: Publication,
): Promise<void> {
  let failure: unknown;
  // Another process may do the same to the same name.
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      await session.rename(temporary, file);
      return;
    } catch (error) {
      failure = error;
      if (!hasStatus(error)) throw error;
    }
    const found = await unlessStatus(session.lstat(file), statusCode.noSuchFile);
    if (found === undefined) continue;
    if (isDirectory(found)) throw failure;
    const aside = asideBeside(file);
    await unlessStatus(session.rename(file, aside), statusCode.noSuchFile);
    try {
      await session.rename(temporary, file);
      session.later(session.remove(aside));
      return;
    } catch (error) {
      failure = error;
      session.later(session.rename(aside, file));
      if (!hasStatus(error)) throw error;
    }
  }
  throw failure;
}

async function refuseExisting(session: SftpSession, name: string, file: string): Promise<void> {
  const found = await unlessStatus(session.lstat(file), statusCode.noSuchFile);
  if (found !== undefined)
    throw new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
}
