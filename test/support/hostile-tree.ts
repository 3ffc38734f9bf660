/** Makes a directory with everything that backup programs get wrong. */
import {
  closeSync,
  constants,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

import { systemCodeOf } from '../../src/base/errors.ts';
import { changeModeAt, changeOwnerAt, makeNodeAt } from '../../src/base/posix/at-calls.ts';
import { setExtendedAttribute } from '../../src/base/posix/extended-attributes.ts';
import { changeFileFlags } from '../../src/base/posix/file-flags.ts';
import { composeDevice } from '../../src/base/posix/device-number.ts';
import { setTimesAt } from '../../src/base/posix/file-times.ts';
import {
  AT_FDCWD,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFSOCK,
} from '../../src/base/posix/linux-constants.ts';
import { joinPath } from '../../src/base/posix/path-bytes.ts';
import { fileFlag } from '../../src/model/entry.ts';

/** What to leave out. */
export interface HostileTreeOptions {
  /** A file of 1 TiB without data and others with little. Default true. */
  readonly sparse?: boolean;
  /** Paths beyond 4096 bytes. Default true. */
  readonly deep?: boolean;
  /** Devices, foreign owners, capabilities. Default: whether this is root. */
  readonly privileged?: boolean;
}

/** What was made. */
export interface HostileTree {
  readonly root: string;
  /** Kinds that this file system or user cannot have; empty for root on ext4, XFS, btrfs. */
  readonly missing: string[];
}

type Name = string | Buffer;

/** Bytes that are no valid UTF-8. */
const wildName = Buffer.from([0x66, 0xff, 0xfe, 0x80, 0x2d, 0xc3, 0x28]);
const longName = 'n'.repeat(255);
/** rw-, user 1000 rwx, group r--, mask rwx, other ---: as `setfacl -m u:1000:rwx` makes it. */
const acl = Buffer.from(
  '0200000001000600ffffffff02000700e803000004000400ffffffff10000700ffffffff20000000ffffffff',
  'hex',
);
/** cap_net_raw=ep */
const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');

/** Makes the tree in a directory that must not exist yet. */
export function makeHostileTree(root: string, options: HostileTreeOptions = {}): HostileTree {
  const { sparse = true, deep = true, privileged = process.geteuid?.() === 0 } = options;
  const maker = new Maker(root);
  makeNames(maker);
  makeContents(maker);
  makeLinks(maker);
  makeSpecialFiles(maker, privileged);
  makeAttributes(maker, privileged);
  makeModes(maker, privileged);
  if (sparse) makeSparse(maker);
  if (deep) makeDeep(maker);
  makeTimes(maker);
  maker.finish();
  return { root, missing: maker.missing };
}

class Maker {
  readonly missing: string[] = [];
  readonly #root: Buffer;
  readonly #later: (() => void)[] = [];
  #count = 0;

  constructor(root: string) {
    this.#root = Buffer.from(root);
    this.directory();
  }

  path(...names: Name[]): Buffer {
    let path = this.#root;
    for (const name of names) path = joinPath(path, Buffer.from(name as string));
    return path;
  }

  /** A directory whose time is set when the tree is finished. */
  directory(...names: Name[]): Buffer {
    const path = this.path(...names);
    mkdirSync(path, 0o755);
    this.#count++;
    const nanoseconds = 100_000_001 * (this.#count % 9) + this.#count;
    this.#later.push(() => {
      setTimesAt(AT_FDCWD, path, { seconds: 1_000_000_000 + this.#count, nanoseconds });
    });
    return path;
  }

  file(content: string | Uint8Array, ...names: Name[]): Buffer {
    const path = this.path(...names);
    writeFileSync(path, content, { flag: 'wx', mode: 0o644 });
    return path;
  }

  time(path: Buffer, seconds: number, nanoseconds: number): void {
    this.#later.push(() => {
      setTimesAt(AT_FDCWD, path, { seconds, nanoseconds });
    });
  }

  mode(path: Buffer, mode: number): void {
    this.#later.push(() => {
      changeModeAt(AT_FDCWD, path, mode);
    });
  }

  /** Does what not every file system and user can; only that is let pass. */
  attempt(what: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      const code = systemCodeOf(error) ?? '';
      if (!['ENOTSUP', 'EPERM', 'ENOTTY', 'EFBIG', 'EINVAL', 'ENOSPC'].includes(code)) throw error;
      this.missing.push(what);
    }
  }

  /** What comes last comes from the bottom up. */
  finish(): void {
    for (const call of this.#later.reverse()) call();
  }
}

function makeNames(maker: Maker): void {
  maker.directory('names');
  const names: Name[] = [
    wildName,
    Buffer.from([0xff]),
    'new\nline',
    ' leading and trailing ',
    '-rf',
    '--target=',
    '*',
    '~',
    '$HOME',
    '"quoted" \'twice\'',
    String.raw`back\slash`,
    'tab\there',
    '\u001b[31mred',
    '...',
    'Ünïcödé',
    'Ünïcödé'.normalize('NFD'),
    'CASE',
    'case',
    longName,
    '\u{1f4be}'.repeat(63),
  ];
  for (const name of names) maker.file(Buffer.from(name as string), 'names', name);
  maker.directory('names', Buffer.concat([Buffer.from('dir '), wildName]));
  maker.file('inside', 'names', Buffer.concat([Buffer.from('dir '), wildName]), wildName);
  maker.directory('names', '-dir\nwith newline');
}

function makeContents(maker: Maker): void {
  maker.directory('empty directory');
  maker.directory('content');
  maker.file('', 'content', 'empty');
  maker.file('x', 'content', 'one byte');
  maker.file(Buffer.alloc(4096, 7), 'content', 'one block');
  maker.file(Buffer.alloc(4097, 8), 'content', 'a block and a byte');
  maker.file(Buffer.alloc(300_000), 'content', 'zeros that are no hole');
  const mixed = Buffer.alloc(3_000_001);
  for (let index = 0, state = 1; index < mixed.length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    mixed[index] = state >>> 24;
  }
  maker.file(mixed, 'content', 'large');
  maker.file(mixed, 'content', 'the same again');
}

function makeLinks(maker: Maker): void {
  maker.directory('links');
  maker.directory('links', 'elsewhere');
  const original = maker.file('one inode', 'links', 'original');
  linkSync(original, maker.path('links', 'second name'));
  linkSync(original, maker.path('links', 'elsewhere', 'third name'));
  const targets: readonly [Name, Name][] = [
    ['relative', 'original'],
    ['dangling', 'nowhere/at all'],
    ['absolute', '/etc/passwd'],
    ['to a directory', 'elsewhere'],
    ['to itself', 'to itself'],
    ['upwards', '../../../../../../etc'],
    ['to wild bytes', wildName],
    ['long', 'x/'.repeat(2040)],
    ['trailing slash', 'elsewhere/'],
  ];
  for (const [name, target] of targets) {
    const path = maker.path('links', name);
    symlinkSync(target, path);
    maker.time(path, 1_234_567_890, 987_654_321);
  }
  linkSync(maker.path('links', 'dangling'), maker.path('links', 'elsewhere', 'linked link'));
}

function makeSpecialFiles(maker: Maker, privileged: boolean): void {
  maker.directory('special');
  const make = (name: string, mode: number, device = 0): void => {
    const path = maker.path('special', name);
    maker.attempt(name, () => {
      makeNodeAt(AT_FDCWD, path, mode | 0o640, device);
      maker.time(path, 1_111_111_111, 111_111_111);
      maker.mode(path, 0o462);
    });
  };
  make('fifo', S_IFIFO);
  linkSync(maker.path('special', 'fifo'), maker.path('special', 'fifo again'));
  make('socket', S_IFSOCK);
  if (!privileged) return;
  make('character device', S_IFCHR, composeDevice(1, 3));
  make('block device', S_IFBLK, composeDevice(7, 200));
  make('large device numbers', S_IFCHR, composeDevice(4095, 1_048_575));
}

function makeAttributes(maker: Maker, privileged: boolean): void {
  const directory = maker.directory('attributes');
  const file = maker.file('with attributes', 'attributes', 'file');
  const set = (path: Buffer, name: Name, value: Uint8Array): void => {
    maker.attempt(`attribute ${name.toString()}`, () => {
      setExtendedAttribute(path, Buffer.from(name as string), value);
    });
  };
  set(file, 'user.empty', new Uint8Array(0));
  set(file, 'user.binary', Buffer.from([0, 1, 255, 0, 10]));
  set(file, 'user.long', Buffer.alloc(2000, 'v'));
  set(file, Buffer.concat([Buffer.from('user.'), wildName]), Buffer.from('wild'));
  set(directory, 'user.directory', Buffer.from('yes'));
  set(maker.file('acl', 'attributes', 'access list'), 'system.posix_acl_access', acl);
  const inherited = maker.directory('attributes', 'default list');
  maker.file('made before', 'attributes', 'default list', 'without a list');
  set(inherited, 'system.posix_acl_default', acl);
  maker.attempt('no-dump flag', () => {
    const fd = openSync(maker.file('flagged', 'attributes', 'no dump'), constants.O_RDONLY);
    try {
      changeFileFlags(fd, fileFlag.noDump, fileFlag.noDump);
    } finally {
      closeSync(fd);
    }
  });
  const readOnly = maker.file('read only', 'attributes', 'read-only with attribute');
  set(readOnly, 'user.comment', Buffer.from('set while it was writable'));
  maker.mode(readOnly, 0o400);
  if (!privileged) return;
  set(maker.file('capable', 'attributes', 'capable'), 'security.capability', capability);
  set(file, 'trusted.secret', Buffer.from('root only'));
  const link = maker.path('attributes', 'link');
  symlinkSync('file', link);
  set(link, 'trusted.link', Buffer.from('of the link itself'));
}

function makeModes(maker: Maker, privileged: boolean): void {
  maker.directory('modes');
  const modes = [0o000, 0o111, 0o222, 0o400, 0o777, 0o1644, 0o2755, 0o4755, 0o6711, 0o7777];
  for (const mode of modes) {
    const path = maker.file('m', 'modes', `file ${mode.toString(8)}`);
    if (privileged) changeOwnerAt(AT_FDCWD, path, 12_345, 54_321);
    maker.mode(path, mode);
  }
  const directoryModes = privileged ? [0o000, 0o500, 0o1777, 0o2770, 0o7755] : [0o500, 0o1777];
  for (const mode of directoryModes) {
    const path = maker.directory('modes', `directory ${mode.toString(8)}`);
    maker.file('inside', 'modes', `directory ${mode.toString(8)}`, 'file');
    maker.mode(path, mode);
  }
  if (!privileged) return;
  changeOwnerAt(AT_FDCWD, maker.file('o', 'modes', 'unknown owner'), 4_294_967_294, 4_000_000_000);
  const link = maker.path('modes', 'foreign link');
  symlinkSync('nowhere', link);
  changeOwnerAt(AT_FDCWD, link, 77, 88);
}

function makeSparse(maker: Maker): void {
  maker.directory('sparse');
  const make = (name: string, size: number, data: readonly (readonly [number, number])[]): void => {
    maker.attempt(`sparse file: ${name}`, () => {
      const fd = openSync(maker.path('sparse', name), 'wx', 0o644);
      try {
        ftruncateSync(fd, size);
        for (const [position, length] of data) {
          writeSync(fd, Buffer.alloc(length, name), 0, length, position);
        }
      } finally {
        closeSync(fd);
      }
    });
  };
  const mebi = 1 << 20;
  make('only a hole', mebi, []);
  make('1 TiB', 2 ** 40, []);
  make('1 TiB with data', 2 ** 40, [
    [2 ** 39, 65_536],
    [2 ** 40 - 4096, 4096],
  ]);
  make('data first', 3 * mebi, [[0, 100_000]]);
  make('data in the middle', 3 * mebi + 17, [[mebi + 5, 100_000]]);
  make('data at the end', 3 * mebi, [[3 * mebi - 10, 10]]);
  make(
    'many holes',
    4 * mebi,
    [0, 1, 2, 3].map((index) => [index * mebi + 65_536, 8192] as const),
  );
}

function makeDeep(maker: Maker): void {
  maker.directory('deep');
  let fd = openSync(maker.path('deep'), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (let depth = 0; depth < 24; depth++) {
      const here = `/proc/self/fd/${fd}`;
      const name = `${String(depth).padStart(3, '0')}${'d'.repeat(depth % 2 === 0 ? 247 : 120)}`;
      mkdirSync(`${here}/${name}`, 0o755);
      const next = openSync(`${here}/${name}`, constants.O_RDONLY | constants.O_DIRECTORY);
      writeFileSync(`${here}/file ${depth}`, `at depth ${depth}`);
      closeSync(fd);
      fd = next;
    }
    const bottom = `/proc/self/fd/${fd}`;
    writeFileSync(`${bottom}/${longName}`, 'at the bottom');
    symlinkSync('../up', `${bottom}/link`);
    linkSync(`${bottom}/${longName}`, maker.path('deep', 'shallow name of a deep file'));
    const attribute = Buffer.from('user.deep');
    maker.attempt('attribute of a deep file', () => {
      setExtendedAttribute(Buffer.from(`${bottom}/${longName}`), attribute, Buffer.from('down'));
    });
  } finally {
    closeSync(fd);
  }
}

function makeTimes(maker: Maker): void {
  maker.directory('times');
  const times: readonly [string, number, number][] = [
    ['epoch', 0, 0],
    ['one nanosecond', 0, 1],
    ['before 1970', -1, 999_999_999],
    ['1901', -2_147_483_647, 123_456_789],
    ['2038', 2_147_483_648, 1],
    ['2106', 4_294_967_296, 999_999_999],
    ['2446', 15_032_385_534, 999_999_999],
  ];
  for (const [name, seconds, nanoseconds] of times) {
    maker.time(maker.file(name, 'times', name), seconds, nanoseconds);
  }
}
