/**
 * The only place that declares functions of the C library. A wrong signature crashes the process, so the table is plain
 * and everything around it typed. Loading takes milliseconds and happens at the first call.
 *
 * Conventions of all functions: they return -1 (or `null`) on failure and leave the reason in `errno()`; paths are
 * bytes that end with a NUL; they may be called from worker threads.
 */
import { createRequire } from 'node:module';

import { AppError, messageOf } from '../errors.ts';

type Bytes = Uint8Array;

/** What a record of the user database is decoded to. */
export interface AccountRecord {
  name: string;
  id: number;
}

/** Functions of the C library under their own names, with their own parameter order. */
export interface Libc {
  errno(): number;
  openat(directory: number, path: Bytes, flags: number, mode: number): number;
  statx(directory: number, path: Bytes, flags: number, mask: number, out: Bytes): number;
  getdents64(fd: number, out: Bytes, size: number): number;
  mkdirat(directory: number, path: Bytes, mode: number): number;
  mknodat(directory: number, path: Bytes, mode: number, device: number): number;
  linkat(
    oldDirectory: number,
    oldPath: Bytes,
    newDirectory: number,
    newPath: Bytes,
    flags: number,
  ): number;
  renameat(oldDirectory: number, oldPath: Bytes, newDirectory: number, newPath: Bytes): number;
  symlinkat(target: Bytes, directory: number, path: Bytes): number;
  unlinkat(directory: number, path: Bytes, flags: number): number;
  readlinkat(directory: number, path: Bytes, out: Bytes, size: number): number;
  fchownat(directory: number, path: Bytes, uid: number, gid: number, flags: number): number;
  fchmodat(directory: number, path: Bytes, mode: number, flags: number): number;
  utimensat(directory: number, path: Bytes, times: Bytes, flags: number): number;
  futimens(fd: number, times: Bytes): number;
  llistxattr(path: Bytes, out: Bytes, size: number): number;
  lgetxattr(path: Bytes, name: Bytes, out: Bytes, size: number): number;
  lsetxattr(path: Bytes, name: Bytes, value: Bytes, size: number, flags: number): number;
  lremovexattr(path: Bytes, name: Bytes): number;
  flistxattr(fd: number, out: Bytes, size: number): number;
  fgetxattr(fd: number, name: Bytes, out: Bytes, size: number): number;
  fsetxattr(fd: number, name: Bytes, value: Bytes, size: number, flags: number): number;
  fremovexattr(fd: number, name: Bytes): number;
  lseek(fd: number, offset: number, whence: number): number;
  fallocate(fd: number, mode: number, offset: number, length: number): number;
  /** Gives the error number itself. */
  posix_fadvise(fd: number, offset: number, length: number, advice: number): number;
  flock(fd: number, operation: number): number;
  ioctl(fd: number, request: number, argument: Bytes): number;
  /** Only for commands whose argument points to a structure. */
  fcntl(fd: number, command: number, argument: Bytes): number;
  /** `fcntl` for commands whose argument is a number. */
  fcntlNumber(fd: number, command: number, argument: number): number;
  fstatfs(fd: number, out: Bytes): number;
  /** Where bytes lie in memory, for as long as they are not moved, which the system never does with what an `ArrayBuffer` holds. */
  addressOf(bytes: Bytes): bigint;
  /** `getpwuid_r` and its kin: the record, `undefined` if there is none; the result code is an errno. */
  userById(uid: number): AccountRecord | undefined;
  userByName(name: string): AccountRecord | undefined;
  groupById(gid: number): AccountRecord | undefined;
  groupByName(name: string): AccountRecord | undefined;
}

let loaded: Libc | undefined;

/**
 * The C library of this system.
 *
 * @throws AppError `internal` where it cannot be called; `posixSupport` tells beforehand.
 */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  if (process.platform !== 'linux') {
    throw new AppError('internal', `System calls are not available on "${process.platform}" yet`);
  }
  try {
    return declare();
  } catch (cause) {
    throw new AppError(
      'internal',
      `Cannot call the C library of this system: ${messageOf(cause)}`,
      {
        cause,
        hint: 'Install the optional package of "koffi" for this processor and system',
      },
    );
  }
}

const in8 = 'const uint8_t *';
const out8 = 'uint8_t *';

function declare(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const library = koffi.load(null);
  // openat, ioctl and fcntl are variadic in C; on Linux (amd64, arm64) their integer arguments travel the same way.
  const call = (name: string, result: string, ...parameters: string[]): never =>
    library.func(name, result, parameters) as never;
  const int = 'int';
  const long = 'int64_t';
  const unsigned = 'uint32_t';
  const size = 'size_t';
  const accounts = accountCalls(koffi, library);
  return {
    errno: () => koffi.errno(),
    openat: call('openat', int, int, in8, int, unsigned),
    statx: call('statx', int, int, in8, int, unsigned, out8),
    getdents64: call('getdents64', long, int, out8, size),
    mkdirat: call('mkdirat', int, int, in8, unsigned),
    mknodat: call('mknodat', int, int, in8, unsigned, 'uint64_t'),
    linkat: call('linkat', int, int, in8, int, in8, int),
    renameat: call('renameat', int, int, in8, int, in8),
    symlinkat: call('symlinkat', int, in8, int, in8),
    unlinkat: call('unlinkat', int, int, in8, int),
    readlinkat: call('readlinkat', long, int, in8, out8, size),
    fchownat: call('fchownat', int, int, in8, unsigned, unsigned, int),
    fchmodat: call('fchmodat', int, int, in8, unsigned, int),
    utimensat: call('utimensat', int, int, in8, in8, int),
    futimens: call('futimens', int, int, in8),
    llistxattr: call('llistxattr', long, in8, out8, size),
    lgetxattr: call('lgetxattr', long, in8, in8, out8, size),
    lsetxattr: call('lsetxattr', int, in8, in8, in8, size, int),
    lremovexattr: call('lremovexattr', int, in8, in8),
    flistxattr: call('flistxattr', long, int, out8, size),
    fgetxattr: call('fgetxattr', long, int, in8, out8, size),
    fsetxattr: call('fsetxattr', int, int, in8, in8, size, int),
    fremovexattr: call('fremovexattr', int, int, in8),
    lseek: call('lseek', long, int, long, int),
    fallocate: call('fallocate', int, int, int, long, long),
    posix_fadvise: call('posix_fadvise', int, int, long, long, int),
    flock: call('flock', int, int, int),
    ioctl: call('ioctl', int, int, 'unsigned long', out8),
    fcntl: call('fcntl', int, int, int, out8),
    fcntlNumber: call('fcntl', int, int, int, int),
    fstatfs: call('fstatfs', int, int, out8),
    addressOf: (bytes) => koffi.address(bytes),
    ...accounts,
  };
}

type Koffi = typeof import('koffi');
type Lookup = 'userById' | 'userByName' | 'groupById' | 'groupByName';
type AccountCall = (
  key: number | string,
  record: Partial<AccountRecord>,
  text: Uint8Array,
  size: number,
  found: [unknown],
) => number;

const erange = 34;

function accountCalls(koffi: Koffi, library: ReturnType<Koffi['load']>): Pick<Libc, Lookup> {
  const tail = { passwd: 'void *', id: 'uint32_t' };
  // Sizes are those of the C structures; what we do not read is only room.
  const user = koffi.struct({
    name: 'str',
    ...tail,
    gid: 'uint32_t',
    rest: koffi.array('void *', 3),
  });
  const group = koffi.struct({ name: 'str', ...tail, members: 'void *' });
  const lookUp = (name: string, key: string, record: ReturnType<Koffi['struct']>) => {
    const call = library.func(name, 'int', [
      key,
      koffi.out(koffi.pointer(record)),
      out8,
      'size_t',
      koffi.out(koffi.pointer('void *')),
    ]) as unknown as AccountCall;
    return (wanted: number | string): AccountRecord | undefined => {
      for (let size = 4096; size <= 1 << 22; size *= 4) {
        const result: Partial<AccountRecord> = {};
        const found: [unknown] = [null];
        const code = call(wanted, result, new Uint8Array(size), size, found);
        if (code === erange) continue;
        if (code !== 0 || found[0] === null) return undefined;
        return { name: result.name ?? '', id: result.id ?? 0 };
      }
      return undefined;
    };
  };
  return {
    userById: lookUp('getpwuid_r', 'uint32_t', user),
    userByName: lookUp('getpwnam_r', 'str', user),
    groupById: lookUp('getgrgid_r', 'uint32_t', group),
    groupByName: lookUp('getgrnam_r', 'str', group),
  };
}
