import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';

import { changeOwnerAt, makeNodeAt } from '../../src/base/posix/at-calls.ts';
import { setExtendedAttribute } from '../../src/base/posix/extended-attributes.ts';
import { punchHole } from '../../src/base/posix/file-extents.ts';
import { changeFileFlags } from '../../src/base/posix/file-flags.ts';
import { composeDevice } from '../../src/base/posix/device-number.ts';
import { setTimesAt } from '../../src/base/posix/file-times.ts';
import { AT_FDCWD, S_IFCHR, S_IFIFO } from '../../src/base/posix/linux-constants.ts';
import { fileFlag } from '../../src/model/entry.ts';
import { scratchDirectory } from './scratch-directory.ts';
import { type ComparedAspect, compareTrees } from './tree-comparer.ts';

const isRoot = process.geteuid?.() === 0;
const time = { seconds: 1_000_000_000, nanoseconds: 5 };

function makeSmallTree(root: string): void {
  mkdirSync(root);
  mkdirSync(`${root}/directory`);
  writeFileSync(`${root}/directory/inner`, 'inner');
  writeFileSync(`${root}/file`, Buffer.alloc(20_000, 'content'));
  linkSync(`${root}/file`, `${root}/linked`);
  symlinkSync('file', `${root}/link`);
  makeNodeAt(AT_FDCWD, Buffer.from(`${root}/fifo`), S_IFIFO | 0o600, 0);
  if (isRoot) makeDevice(`${root}/device`, 3);
  setExtendedAttribute(Buffer.from(`${root}/file`), Buffer.from('user.a'), Buffer.from('1'));
  setAllTimes(root);
}

function makeDevice(path: string, minor: number): void {
  makeNodeAt(AT_FDCWD, Buffer.from(path), S_IFCHR | 0o600, composeDevice(1, minor));
}

function setAllTimes(root: string): void {
  const names = ['directory/inner', 'directory', 'file', 'link', 'fifo'];
  if (isRoot) names.push('device');
  for (const name of names) setTimesAt(AT_FDCWD, Buffer.from(`${root}/${name}`), time);
  setTimesAt(AT_FDCWD, Buffer.from(root), time);
}

type Change = readonly [
  what: ComparedAspect,
  path: string,
  change: (root: string) => void,
  options?: { readonly setTimes?: false; readonly needsRoot?: true },
];

const changes: readonly Change[] = [
  [
    'presence',
    '"directory/inner"',
    (root) => rmSync(`${root}/directory/inner`),
    { setTimes: false },
  ],
  ['presence', '"more"', (root) => writeFileSync(`${root}/more`, '')],
  [
    'presence',
    '"link "',
    (root) => renameSync(`${root}/link`, `${root}/link `),
    { setTimes: false },
  ],
  ['type', '"fifo"', replaceFifo],
  ['mode', '"file"', (root) => chmodSync(`${root}/file`, 0o4644)],
  ['mode', '"directory"', (root) => chmodSync(`${root}/directory`, 0o1755)],
  [
    'owner',
    '"link"',
    (root) => changeOwnerAt(AT_FDCWD, Buffer.from(`${root}/link`), 7, 7),
    { needsRoot: true },
  ],
  ['mtime', '"file"', (root) => shiftTime(`${root}/file`), { setTimes: false }],
  ['mtime', '"directory"', (root) => shiftTime(`${root}/directory`), { setTimes: false }],
  ['mtime', '"link"', (root) => shiftTime(`${root}/link`), { setTimes: false }],
  ['mtime', '""', (root) => shiftTime(root), { setTimes: false }],
  ['size', '"file"', (root) => writeFileSync(`${root}/file`, Buffer.alloc(20_001, 'content'))],
  ['content', '"file"', changeByte],
  ['holes', '"file"', makeHole],
  ['link-target', '"link"', changeLink],
  ['device', '"device"', changeDevice, { needsRoot: true }],
  ['xattrs', '"file"', (root) => setAttribute(`${root}/file`, 'user.a', '2')],
  ['xattrs', '"directory"', (root) => setAttribute(`${root}/directory`, 'user.b', '')],
  ['flags', '"file"', setFlag],
  ['hard-links', '"linked"', breakLink],
  ['hard-links', '"linked"', joinLink],
];

function replaceFifo(root: string): void {
  rmSync(`${root}/fifo`);
  writeFileSync(`${root}/fifo`, '');
}

function shiftTime(path: string): void {
  setTimesAt(AT_FDCWD, Buffer.from(path), { seconds: 1_000_000_000, nanoseconds: 6 });
}

function changeByte(root: string): void {
  const fd = openSync(`${root}/file`, 'r+');
  writeSync(fd, 'X', 19_999);
  closeSync(fd);
}

function makeHole(root: string): void {
  for (const path of [`${root}/file`, root.replace(/b$/u, 'a/file')]) {
    const fd = openSync(path, 'r+');
    writeSync(fd, Buffer.alloc(8192), 0, 8192, 4096);
    if (path.startsWith(root)) assert.ok(punchHole(fd, 4096, 8192));
    closeSync(fd);
    setTimesAt(AT_FDCWD, Buffer.from(path), time);
  }
}

function changeLink(root: string): void {
  rmSync(`${root}/link`);
  symlinkSync('fileX', `${root}/link`);
}

function changeDevice(root: string): void {
  rmSync(`${root}/device`);
  makeDevice(`${root}/device`, 4);
}

function setAttribute(path: string, name: string, value: string): void {
  setExtendedAttribute(Buffer.from(path), Buffer.from(name), Buffer.from(value));
}

function setFlag(root: string): void {
  const fd = openSync(`${root}/file`, 'r');
  changeFileFlags(fd, fileFlag.noDump, fileFlag.noDump);
  closeSync(fd);
}

function breakLink(root: string): void {
  rmSync(`${root}/linked`);
  writeFileSync(`${root}/linked`, Buffer.alloc(20_000, 'content'));
  setAttribute(`${root}/linked`, 'user.a', '1');
  setTimesAt(AT_FDCWD, Buffer.from(`${root}/linked`), time);
}

/** The other way round: what was two inodes has become one. */
function joinLink(root: string): void {
  breakLink(root.replace(/b$/u, 'a'));
  setAllTimes(root.replace(/b$/u, 'a'));
}

test('two trees made alike have no differences', () => {
  using scratch = scratchDirectory();
  makeSmallTree(scratch.of('a'));
  makeSmallTree(scratch.of('b'));
  assert.deepEqual(compareTrees(scratch.of('a'), scratch.of('b')), []);
});

for (const [what, path, change, { setTimes, needsRoot } = {}] of changes) {
  test(`the tree comparer finds a difference in ${what} of ${path} (${change.name})`, (t) => {
    if (needsRoot === true && !isRoot) {
      t.diagnostic('only root can make this difference');
      return;
    }
    using scratch = scratchDirectory();
    makeSmallTree(scratch.of('a'));
    makeSmallTree(scratch.of('b'));
    change(scratch.of('b'));
    if (setTimes !== false) setAllTimes(scratch.of('b'));
    const found = compareTrees(scratch.of('a'), scratch.of('b'));
    assert.ok(
      found.some((difference) => difference.what === what && difference.path === path),
      `found only ${JSON.stringify(found)}`,
    );
  });
}
