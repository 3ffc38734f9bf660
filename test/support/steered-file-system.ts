import type { FileHandle } from 'node:fs/promises';
import * as real from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { getSystemErrorName } from 'node:util';

/** The part of `node:fs/promises` that a test may stand in front of. */
type FileSystem = Pick<
  typeof real,
  'open' | 'rename' | 'link' | 'unlink' | 'mkdir' | 'lstat' | 'stat' | 'readdir'
>;

/** A system call and the last part of the path that it is about (of the new path, where there are two). */
export interface SystemCall {
  readonly call: string;
  readonly file: string;
}

/**
 * The real file system with `before` called before each system call: it may record, wait, or throw an error like `systemError`. A
 * number it gives for a `write` or a `read` is how many bytes are done at most.
 */
export function steeredFileSystem(
  before: (call: SystemCall) => Promise<number | void> | number | void,
): FileSystem {
  const wrap =
    <Arguments extends readonly unknown[], Result>(
      call: string,
      carryOut: (...all: Arguments) => Promise<Result>,
      pathAt = 0,
    ) =>
    async (...all: Arguments): Promise<Result> => {
      await before({ call, file: path.basename(String(all[pathAt])) });
      return carryOut(...all);
    };
  const open = async (...all: Parameters<typeof real.open>): Promise<FileHandle> => {
    const file = path.basename(String(all[0]));
    await before({ call: 'open', file });
    return steeredHandle(await real.open(...all), file, before);
  };
  return {
    open,
    rename: wrap('rename', real.rename, 1),
    link: wrap('link', real.link, 1),
    unlink: wrap('unlink', real.unlink),
    // The overloads of these are lost in `wrap`, but not what they do.
    mkdir: wrap('mkdir', real.mkdir) as typeof real.mkdir,
    lstat: wrap(
      'lstat',
      real.lstat as (...all: unknown[]) => Promise<unknown>,
    ) as typeof real.lstat,
    stat: wrap('stat', real.stat as (...all: unknown[]) => Promise<unknown>) as typeof real.stat,
    readdir: wrap(
      'readdir',
      real.readdir as (...all: unknown[]) => Promise<unknown>,
    ) as typeof real.readdir,
  };
}

function steeredHandle(
  handle: FileHandle,
  file: string,
  before: (call: SystemCall) => Promise<number | void> | number | void,
): FileHandle {
  return new Proxy(handle, {
    get(target, key: keyof FileHandle) {
      const member: unknown = target[key];
      if (typeof member !== 'function') return member;
      return async (...all: unknown[]) => {
        // A `close` that fails has closed all the same.
        if (key === 'close') await target.close();
        const most = await before({ call: String(key), file });
        if (key === 'close') return undefined;
        if (typeof most === 'number') all[2] = Math.min(most, Number(all[2]));
        return (member as (...all: unknown[]) => unknown).apply(target, all);
      };
    },
  });
}

/** An error as Node gives it, which has no names for some. */
export function systemError(name: string, call = 'test'): Error {
  const number = Object.entries(constants.errno).find(([known]) => known === name)?.[1];
  const code = number === undefined ? name : getSystemErrorName(-number);
  return Object.assign(new Error(`${code}: made by a test, ${call}`), {
    code,
    syscall: call,
    errno: number === undefined ? -1 : -number,
  });
}
