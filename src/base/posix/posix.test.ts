import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import fc from 'fast-check';

import { scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { compareBytes } from '../bytes.ts';
import { groupIdOf, groupNameOf, userIdOf, userNameOf } from './account-names.ts';
import { makeDirectoryAt, openAt, readLinkAt, unlinkAt } from './at-calls.ts';
import { errorNameOf } from '../error-name.ts';
import { mixNameHash, nameHashStart } from '../name-sum.ts';
import { SystemError } from './system-error.ts';
import { listNames, openDirectoryAt, openPathAt, readNames } from './directory.ts';
import {
  getExtendedAttribute,
  listExtendedAttributes,
  readExtendedAttributes,
  removeExtendedAttribute,
  setExtendedAttribute,
} from './extended-attributes.ts';
import { dataExtents, punchHole, reserveSpace } from './file-extents.ts';
import { tryLockFile } from './file-lock.ts';
import { composeDevice, splitDevice } from './device-number.ts';
import { FileStatus } from './file-status.ts';
import { fileSystemOf } from './file-system.ts';
import { setTimes, setTimesAt } from './file-times.ts';
import { AT_FDCWD } from './linux-constants.ts';
import { joinPath, terminated } from './path-bytes.ts';
import { posixSupport } from './support.ts';
import { quotePath } from './system-error.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

test('posixSupport() says that system calls work here', () => {
  assert.deepEqual(posixSupport(), { native: true, reason: undefined });
});

test('a path is terminated, and never silently cut at a NUL', () => {
  assert.deepEqual([...terminated(bytes('ab'))].slice(0, 3), [97, 98, 0]);
  assert.throws(() => terminated(bytes('a\0b')), RangeError);
  assert.throws(() => terminated(Buffer.alloc(100, 'x').fill(0, 99)), RangeError);
  for (const length of [63, 64, 65, 66]) {
    const path = Buffer.alloc(length, 'x');
    terminated(Buffer.alloc(200, 'y'));
    assert.deepEqual([...terminated(path)].slice(0, length + 1), [...path, 0], `${length}`);
  }
  const long = Buffer.alloc(20_000, 'x');
  assert.equal(terminated(long)[20_000], 0);
});

test('joinPath() puts one slash between, and copes with empty parts and the root', () => {
  assert.equal(joinPath(bytes('/a'), bytes('b')).toString(), '/a/b');
  assert.equal(joinPath(bytes('/'), bytes('b')).toString(), '/b');
  assert.equal(joinPath(bytes(''), bytes('b')).toString(), 'b');
  assert.equal(joinPath(bytes('/a'), bytes('')).toString(), '/a');
});

test('quotePath() shows any bytes without letting any reach a terminal', () => {
  assert.equal(quotePath(bytes('a b\n')), String.raw`"a b\n"`);
  assert.equal(quotePath(Buffer.from([0x61, 0xff, 0x1b])), String.raw`"a\xff\x1b"`);
  assert.equal(quotePath(bytes('Ünï')), '"Ünï"');
  assert.equal(quotePath(bytes('\u202egnp')), String.raw`"\u202egnp"`);
});

test('device numbers are composed as the system does it, and taken apart again', () => {
  const device = statSync('/dev/null').rdev;
  assert.deepEqual(splitDevice(device), { major: 1, minor: 3 });
  fc.assert(
    fc.property(fc.nat(0xf_ffff), fc.nat(0xffff_ffff), (major, minor) => {
      assert.deepEqual(splitDevice(composeDevice(major, minor)), { major, minor });
    }),
  );
});

test('FileStatus sees what fstat sees, with all bits', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), Buffer.alloc(5000), { mode: 0o640 });
  const fd = openSync(scratch.of('file'), 'r');
  const status = new FileStatus();
  assert.equal(status.readOpen(fd), 0);
  const expected = fstatSync(fd, { bigint: true });
  closeSync(fd);
  assert.equal(BigInt(status.mode), expected.mode);
  assert.equal(status.inode, expected.ino);
  assert.equal(BigInt(status.device), expected.dev);
  assert.equal(BigInt(status.size), expected.size);
  assert.equal(BigInt(status.blocks), expected.blocks);
  assert.equal(
    BigInt(status.ctimeSeconds) * 1_000_000_000n + BigInt(status.ctimeNanoseconds),
    expected.ctimeNs,
  );
  assert.equal(errorNameOf(status.readAt(AT_FDCWD, bytes(scratch.of('nothing')))), 'ENOENT');
});

test('times are kept to the nanosecond, before 1970 and after 2106, of links too', () => {
  using scratch = scratchDirectory();
  symlinkSync('nowhere', scratch.of('link'));
  const status = new FileStatus();
  const times = fc.record({
    seconds: fc.integer({ min: -2_147_483_647, max: 15_032_385_534 }),
    nanoseconds: fc.nat(999_999_999),
  });
  fc.assert(
    fc.property(times, ({ seconds, nanoseconds }) => {
      const time = { seconds, nanoseconds };
      setTimesAt(AT_FDCWD, bytes(scratch.of('link')), time);
      assert.equal(status.readAt(AT_FDCWD, bytes(scratch.of('link'))), 0);
      const found = { seconds: status.mtimeSeconds, nanoseconds: status.mtimeNanoseconds };
      assert.deepEqual(found, time);
    }),
  );
  const fd = openSync(scratch.path, 'r');
  setTimes(fd, { seconds: -5, nanoseconds: 999_999_999 });
  closeSync(fd);
  assert.equal(statSync(scratch.path, { bigint: true }).mtimeNs, -4_000_000_001n);
});

test('extended attributes keep any bytes, are sorted by name, and can be removed', () => {
  using scratch = scratchDirectory();
  const path = bytes(scratch.of('file'));
  writeFileSync(path, '');
  const wild = Buffer.from([0x75, 0x73, 0x65, 0x72, 0x2e, 0xff, 0xfe]);
  setExtendedAttribute(path, wild, Buffer.from([0, 255, 0]));
  setExtendedAttribute(path, bytes('user.b'), bytes(''));
  const fd = openSync(path, 'r+');
  setExtendedAttribute(fd, bytes('user.a'), Buffer.alloc(1500, 1));
  const expected = [
    { name: bytes('user.a'), value: Buffer.alloc(1500, 1) },
    { name: bytes('user.b'), value: bytes('') },
    { name: wild, value: Buffer.from([0, 255, 0]) },
  ].map(({ name, value }) => ({ name: new Uint8Array(name), value: new Uint8Array(value) }));
  assert.deepEqual(readExtendedAttributes(path, 1), expected);
  assert.deepEqual(readExtendedAttributes(fd, 1), expected);
  removeExtendedAttribute(fd, bytes('user.a'));
  removeExtendedAttribute(path, bytes('user.absent'));
  assert.equal(listExtendedAttributes(fd).length, 2);
  assert.equal(getExtendedAttribute(path, bytes('user.a')), undefined);
  closeSync(fd);
});

test('a file system without extended attributes gives none', () => {
  assert.deepEqual(readExtendedAttributes(bytes('/proc/version'), 99), []);
});

test('a failing call throws an error with the code of the system and a readable name', () => {
  assert.throws(
    () => setExtendedAttribute(bytes('/nothing here'), bytes('user.a'), bytes('')),
    (error: Error & { code?: string }) =>
      error.code === 'ENOENT' && error.message.includes('"/nothing here"'),
  );
});

test('names and numbers of users and groups are found in both directions', () => {
  assert.equal(userNameOf(0), 'root');
  assert.equal(userIdOf('root'), 0);
  assert.equal(groupNameOf(0), 'root');
  assert.equal(groupIdOf('root'), 0);
  assert.equal(userNameOf(3_999_999_999), undefined);
  assert.equal(groupIdOf('there is no such group'), undefined);
});

test('readNames() finds all names of a large directory as bytes', () => {
  using scratch = scratchDirectory();
  const wild = Buffer.concat([bytes(`${scratch.path}/`), Buffer.from([0xff, 0x0a])]);
  writeFileSync(wild, '');
  for (let index = 0; index < 3000; index++) writeFileSync(scratch.of(`file ${index}`), '');
  const fd = openDirectoryAt(AT_FDCWD, bytes(scratch.path));
  const names: Buffer[] = [];
  readNames(fd, names);
  closeSync(fd);
  const expected = readdirSync(scratch.path, { encoding: 'buffer' });
  assert.deepEqual(names.sort(compareBytes), expected.sort(compareBytes));
});

test('listNames() counts the names, and gives a sum that is theirs', () => {
  const listed = (names: readonly string[], extra = 0): { count: number; sum: number } => {
    using scratch = scratchDirectory();
    for (const name of names) writeFileSync(scratch.of(name), '');
    for (let index = 0; index < extra; index++) writeFileSync(scratch.of(`file ${index}`), '');
    const fd = openDirectoryAt(AT_FDCWD, bytes(scratch.path));
    const { count, sum, problem } = listNames(fd);
    closeSync(fd);
    assert.equal(problem, undefined);
    return { count, sum };
  };
  const sumOf = (names: readonly string[]): number =>
    names.reduce((sum, name) => (sum + bytes(name).reduce(mixNameHash, nameHashStart)) | 0, 0);
  assert.deepEqual(listed([]), { count: 0, sum: 0 });
  assert.deepEqual(listed(['b', 'a']), { count: 2, sum: sumOf(['a', 'b']) });
  assert.notEqual(sumOf(['a', 'b']), sumOf(['A', 'b']));
  // More than one call of the system gives.
  const many = Array.from({ length: 5000 }, (_, index) => `file ${index}`);
  assert.deepEqual(listed(['b'], 5000), { count: 5001, sum: sumOf(['b', ...many]) });
});

test('listNames() keeps what it has read before a problem', () => {
  const { count, problem, names } = listNames(1_000_000);
  assert.equal(count, 0);
  assert.deepEqual(names(), []);
  assert.ok(problem instanceof SystemError);
  assert.equal(problem.code, 'EBADF');
});

test('directories and files are not opened through a link', () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('directory'));
  symlinkSync('directory', scratch.of('link'));
  symlinkSync('/etc/passwd', scratch.of('file link'));
  const fd = openPathAt(AT_FDCWD, bytes(scratch.path));
  assert.throws(() => openDirectoryAt(fd, bytes('link')), { code: 'ENOTDIR' });
  assert.throws(() => openPathAt(fd, bytes('link')), { code: 'ENOTDIR' });
  assert.throws(() => openAt(fd, bytes('file link'), constants.O_RDONLY), { code: 'ELOOP' });
  closeSync(openDirectoryAt(fd, bytes('link'), { follow: true }));
  assert.equal(Buffer.from(readLinkAt(fd, bytes('file link'))).toString(), '/etc/passwd');
  makeDirectoryAt(fd, bytes('made'), 0o700);
  unlinkAt(fd, bytes('file link'));
  assert.deepEqual(readdirSync(scratch.path).sort(), ['directory', 'link', 'made']);
  closeSync(fd);
});

test('the data of a file of 1 TiB is found at once, and a hole can be made', () => {
  using scratch = scratchDirectory();
  const fd = openSync(scratch.of('sparse'), 'w+');
  ftruncateSync(fd, 2 ** 40);
  assert.deepEqual([...dataExtents(fd, 2 ** 40)], []);
  writeSync(fd, Buffer.alloc(65_536, 1), 0, 65_536, 2 ** 39);
  assert.deepEqual([...dataExtents(fd, 2 ** 40)], [{ offset: 2 ** 39, length: 65_536 }]);
  assert.equal(punchHole(fd, 2 ** 39, 32_768), true);
  assert.deepEqual([...dataExtents(fd, 2 ** 40)], [{ offset: 2 ** 39 + 32_768, length: 32_768 }]);
  closeSync(fd);
});

test('space that is reserved is neither size nor content', () => {
  using scratch = scratchDirectory();
  const fd = openSync(scratch.of('reserved'), 'w+');
  ftruncateSync(fd, 2 ** 20);
  reserveSpace(fd, 4096, 2 ** 19);
  assert.equal(fstatSync(fd).size, 2 ** 20);
  assert.ok(fstatSync(fd).blocks * 512 >= 2 ** 19);
  assert.ok(readFileSync(scratch.of('reserved')).equals(Buffer.alloc(2 ** 20)));
  closeSync(fd);
});

test('a lock is held by one at a time, also among processes, and ends with its holder', () => {
  using scratch = scratchDirectory();
  const path = scratch.of('lock');
  const program = `flock -n -x "$0" true`;
  const tryOther = (): number | null => spawnSync('sh', ['-c', program, path]).status;
  {
    using lock = tryLockFile(path);
    assert.ok(lock);
    assert.equal(tryLockFile(path), undefined);
    assert.notEqual(tryOther(), 0);
  }
  assert.equal(tryOther(), 0);
  using again = tryLockFile(path);
  assert.ok(again);
});

test('fileSystemOf() tells file systems apart', () => {
  const identify = (path: string) => {
    const fd = openSync(path, 'r');
    const found = fileSystemOf(fd);
    closeSync(fd);
    return found;
  };
  assert.equal(identify('/proc').type, 0x9fa0);
  assert.notDeepEqual(identify('/'), identify('/proc'));
  assert.deepEqual(identify('/proc'), identify('/proc/self'));
});

test('everything works in a worker thread at the same time', async () => {
  const script = `
    const { userNameOf } = await import(${JSON.stringify(new URL('account-names.ts', import.meta.url).href)});
    const { readExtendedAttributes } = await import(${JSON.stringify(new URL('extended-attributes.ts', import.meta.url).href)});
    const { parentPort } = await import('node:worker_threads');
    for (let round = 0; round < 20000; round++) readExtendedAttributes(Buffer.from('/tmp'), 1);
    parentPort.postMessage(userNameOf(0));`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
  const work = () =>
    new Promise((resolve, reject) => {
      new Worker(url).once('message', resolve).once('error', reject);
    });
  const names = await Promise.all([work(), work(), work()]);
  assert.deepEqual(names, ['root', 'root', 'root']);
});

test('koffi is not loaded before the first system call', () => {
  const module = new URL('support.ts', import.meta.url).href;
  const script = `
    await import(${JSON.stringify(module)});
    const { readFileSync } = await import('node:fs');
    process.exit(readFileSync('/proc/self/maps', 'latin1').includes('koffi') ? 1 : 0);`;
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  assert.equal(status, 0);
});
