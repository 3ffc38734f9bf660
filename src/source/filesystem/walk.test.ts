import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { makeHostileTree } from '../../../test/support/hostile-tree.ts';
import { openHandles, scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { entriesOf, lineOf, lines, makeTree } from '../../../test/support/walk-lines.ts';
import { hasCode } from '../../base/errors.ts';
import { setExtendedAttribute } from '../../base/posix/extended-attributes.ts';
import { changeFileFlags } from '../../base/posix/file-flags.ts';
import { changedEntry, fileFlag, type SourceEntry } from '../../model/entry.ts';
import { planSources } from './source-plan.ts';
import { walk, type WalkEvent, type WalkOptions } from './walk.ts';

test('a walk is depth first, in byte order of names, and balanced', () => {
  using scratch = scratchDirectory();
  makeTree(scratch.of('t'));
  assert.deepEqual(lines(scratch.of('t'), [scratch.of('t')]), [
    'enter ',
    ': a b c c.d',
    'enter /a',
    '/a: 1 deep',
    'enter /a/deep',
    '/a/deep: 2',
    'leave /a/deep',
    'leave /a',
    'enter /b',
    '/b: 3',
    'leave /b',
    'enter /c.d',
    'leave /c.d',
    'leave ',
  ]);
});

test('a large directory comes in batches before anything below it', () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('0'));
  for (let index = 1; index < 8; index++) writeFileSync(scratch.of(String(index)), '');
  assert.deepEqual(lines(scratch.path, [scratch.path], { batchSize: 3 }), [
    'enter ',
    ': 0 1 2',
    ': 3 4 5',
    ': 6 7',
    'enter /0',
    'leave /0',
    'leave ',
  ]);
});

test('an entry has everything that the system says of it', () => {
  using scratch = scratchDirectory();
  const file = scratch.of('file');
  writeFileSync(file, 'content', { mode: 0o600 });
  chmodSync(file, 0o4751);
  linkSync(file, scratch.of('other name'));
  setExtendedAttribute(Buffer.from(file), Buffer.from('user.x'), Buffer.from('y'));
  symlinkSync('somewhere/else', scratch.of('link'));
  const expected = lstatSync(file, { bigint: true });
  const found = entriesOf(scratch.path);
  const entry = found.get('file');
  assert.ok(entry);
  assert.equal(entry.type, 'file');
  assert.equal(entry.mode, 0o4751);
  assert.equal(BigInt(entry.uid), expected.uid);
  assert.equal(entry.user, process.geteuid?.() === 0 ? 'root' : entry.user);
  assert.equal(entry.size, 7);
  assert.equal(entry.links, 2);
  assert.equal(entry.inode, expected.ino);
  assert.equal(BigInt(entry.device), expected.dev);
  const nanoseconds = ({ seconds, nanoseconds: rest }: SourceEntry['mtime']): bigint =>
    BigInt(seconds) * 1_000_000_000n + BigInt(rest);
  assert.equal(nanoseconds(entry.mtime), expected.mtimeNs);
  assert.equal(nanoseconds(entry.ctime), expected.ctimeNs);
  assert.equal(entry.xattrs.length, 1);
  assert.equal(Buffer.from(entry.xattrs[0]?.value ?? '').toString(), 'y');
  assert.equal(found.get('link')?.type, 'symlink');
  assert.equal(Buffer.from(found.get('link')?.linkTarget ?? '').toString(), 'somewhere/else');
  assert.equal(found.get('')?.type, 'directory');
});

test('attributes are read for whom they are wanted', () => {
  using scratch = scratchDirectory();
  for (const name of ['a', 'b']) {
    writeFileSync(scratch.of(name), '');
    setExtendedAttribute(Buffer.from(scratch.of(name)), Buffer.from('user.x'), Buffer.from('y'));
  }
  const none = entriesOf(scratch.path, { extendedAttributes: false });
  assert.deepEqual(
    [...none.values()].map(({ xattrs }) => xattrs.length),
    [0, 0, 0],
  );
  const some = entriesOf(scratch.path, {
    extendedAttributes: ({ name }) => Buffer.from(name).toString() === 'b',
  });
  assert.deepEqual(
    [...some.values()].map(({ xattrs }) => xattrs.length),
    [0, 0, 1],
  );
});

test('what is excluded does not appear, nor does anything below it', () => {
  using scratch = scratchDirectory();
  makeTree(scratch.of('t'));
  const exclude: WalkOptions['exclude'] = (entry, path) =>
    Buffer.from(path).toString() === scratch.of('t', 'a') || entry.type === 'file';
  assert.deepEqual(lines(scratch.of('t'), [scratch.of('t')], { exclude }), [
    'enter ',
    ': b c.d',
    'enter /b',
    'leave /b',
    'enter /c.d',
    'leave /c.d',
    'leave ',
  ]);
});

test('of a marked directory only the mark is kept', () => {
  using scratch = scratchDirectory();
  for (const name of ['cache', 'false cache', 'marked', 'plain']) {
    mkdirSync(scratch.of(name));
    writeFileSync(scratch.of(name, 'content'), '');
  }
  const signature = 'Signature: 8a477f597d28d172789f06886806bc55\n# made by a test';
  writeFileSync(scratch.of('cache', 'CACHEDIR.TAG'), signature);
  writeFileSync(scratch.of('false cache', 'CACHEDIR.TAG'), 'Signature: something else');
  writeFileSync(scratch.of('marked', '.nobackup'), '');
  const options = { excludeCaches: true, excludeIfPresent: [Buffer.from('.nobackup')] };
  const found = lines(scratch.path, [scratch.path], options);
  assert.ok(found.includes('/cache: CACHEDIR.TAG'));
  assert.ok(found.includes('/false cache: CACHEDIR.TAG content'));
  assert.ok(found.includes('/marked: .nobackup'));
  assert.ok(found.includes('/plain: content'));
  assert.ok(lines(scratch.path, [scratch.path]).includes('/cache: CACHEDIR.TAG content'));
});

test('files marked as not to be dumped are left out when that is wanted', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('dumped'), '');
  writeFileSync(scratch.of('not dumped'), '');
  const fd = openSync(scratch.of('not dumped'), 'r');
  changeFileFlags(fd, fileFlag.noDump, fileFlag.noDump);
  closeSync(fd);
  assert.equal(entriesOf(scratch.path).size, 3);
  assert.deepEqual([...entriesOf(scratch.path, { excludeNoDump: true }).keys()], ['', 'dumped']);
});

test('one file system: a mount point is kept, what is mounted is not', () => {
  const exclude: WalkOptions['exclude'] = (_, path) =>
    !/^\/proc(?:\/(?:version|self.*))?$/u.test(Buffer.from(path).toString());
  const options = { exclude, extendedAttributes: false };
  const all = lines('', ['/'], options);
  assert.ok(all.includes('/proc: self version'));
  const one = lines('', ['/'], { ...options, oneFileSystem: true });
  assert.deepEqual(one, ['enter /', '/: proc', 'enter /proc', 'leave /proc', 'leave /']);
});

test('several sources lie below their common parent, each with all that is in it', () => {
  using scratch = scratchDirectory();
  makeTree(scratch.of('t'));
  const sources = [scratch.of('t', 'c'), scratch.of('t', 'a', 'deep')];
  assert.deepEqual(lines(scratch.of('t'), sources), [
    'enter ',
    ': a c',
    'enter /a',
    '/a: deep',
    'enter /a/deep',
    '/a/deep: 2',
    'leave /a/deep',
    'leave /a',
    'leave ',
  ]);
});

test('a named link is followed, also on the way to a source; inner ones are not', () => {
  using scratch = scratchDirectory();
  makeTree(scratch.of('t'));
  symlinkSync('t', scratch.of('named'));
  symlinkSync('a', scratch.of('t', 'inner'));
  const named = lines(scratch.of('named'), [scratch.of('named')]);
  assert.equal(named[1], ': a b c c.d inner');
  assert.ok(!named.includes('enter /inner'));
  const onTheWay = [scratch.of('named', 'inner'), scratch.of('t', 'b')];
  assert.deepEqual(lines(scratch.path, onTheWay), [
    'enter ',
    ': named t',
    'enter /named',
    '/named: inner',
    'enter /named/inner',
    '/named/inner: 1 deep',
    'enter /named/inner/deep',
    '/named/inner/deep: 2',
    'leave /named/inner/deep',
    'leave /named/inner',
    'leave /named',
    'enter /t',
    '/t: b',
    'enter /t/b',
    '/t/b: 3',
    'leave /t/b',
    'leave /t',
    'leave ',
  ]);
});

test('what vanishes or is swapped for a link while walking is a problem, not the end', () => {
  using scratch = scratchDirectory();
  makeTree(scratch.of('t'));
  mkdirSync(scratch.of('secret'));
  writeFileSync(scratch.of('secret', 'key'), '');
  const found: string[] = [];
  for (const event of walk(planSources([scratch.of('t')]))) {
    found.push(lineOf(event, scratch.of('t')));
    if (event.type !== 'entries') continue;
    event.location.release();
    if (event.path.length !== scratch.of('t').length) continue;
    rmSync(scratch.of('t', 'a'), { recursive: true });
    renameSync(scratch.of('t', 'b'), scratch.of('b'));
    symlinkSync('../secret', scratch.of('t', 'b'));
    renameSync(scratch.of('t', 'c.d'), scratch.of('c.d'));
    mkdirSync(scratch.of('t', 'c.d'));
    writeFileSync(scratch.of('t', 'c.d', 'foreign'), '');
  }
  assert.deepEqual(found, [
    'enter ',
    ': a b c c.d',
    'enter /a',
    'source/changed /a',
    'leave /a incomplete',
    'enter /b',
    'source/changed /b',
    'leave /b incomplete',
    'enter /c.d',
    'source/changed /c.d',
    'leave /c.d incomplete',
    'leave ',
  ]);
});

test('a root that goes away before the walk is an error', () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('t'));
  const plan = planSources([scratch.of('t')]);
  rmSync(scratch.of('t'), { recursive: true });
  assert.throws(
    () => [...walk(plan)],
    (error) => hasCode(error, 'source/missing'),
  );
});

test('paths of any length are walked; handles stay until they are released, and no longer', async () => {
  using scratch = scratchDirectory();
  makeHostileTree(scratch.of('t'), { sparse: false });
  const before = openHandles();
  const held: Extract<WalkEvent, { type: 'entries' }>[] = [];
  let longest = 0;
  for (const event of walk(planSources([scratch.of('t')]))) {
    longest = Math.max(longest, event.path.length);
    assert.notEqual(event.type, 'problem');
    if (event.type === 'entries' && event.path.length > 4000) held.push(event);
    else if (event.type === 'entries') event.location.release();
  }
  assert.ok(longest > 4096, String(longest));
  assert.ok(openHandles() > before);
  const bottom = held.at(-1);
  const file = bottom?.entries.find(({ type }) => type === 'file');
  assert.ok(bottom !== undefined && file !== undefined);
  const path = bottom.location.pathOf(file.name);
  assert.equal(readFileSync(path, 'utf8'), 'at the bottom');
  // The same from another thread.
  const script = `const { readFileSync } = require('node:fs'); const { parentPort, workerData } = require('node:worker_threads');
    parentPort.postMessage(readFileSync(Buffer.from(workerData), 'utf8'));`;
  const answers: unknown[] = [];
  await new Promise((resolve, reject) => {
    const worker = new Worker(script, { eval: true, workerData: path });
    worker.on('message', (answer) => answers.push(answer));
    worker.once('exit', resolve).once('error', reject);
  });
  assert.deepEqual(answers, ['at the bottom']);
  for (const event of held) event.location.release();
  assert.throws(() => bottom.location.release(), TypeError);
  assert.equal(openHandles(), before);
});

test('a walk that is left early leaves no handle open', () => {
  using scratch = scratchDirectory();
  makeHostileTree(scratch.of('t'), { sparse: false });
  const before = openHandles();
  for (let length = 1; length < 60; length += 7) {
    let count = 0;
    for (const event of walk(planSources([scratch.of('t')]))) {
      if (event.type === 'entries') event.location.release();
      if (++count === length) break;
    }
    assert.equal(openHandles(), before);
  }
});

test('a directory that may not be read is kept, empty, and told', () => {
  if (process.geteuid?.() === 0) {
    const file = new URL(import.meta.url).pathname;
    const somebody = { uid: 65_534, gid: 65_534, env: { TMPDIR: '/tmp' } };
    const { status, stdout } = spawnSync(process.execPath, ['--test', file], somebody);
    assert.equal(status, 0, stdout.toString());
    return;
  }
  using scratch = scratchDirectory();
  makeTree(scratch.of('t'));
  chmodSync(scratch.of('t', 'a'), 0o000);
  chmodSync(scratch.of('t', 'b'), 0o400);
  const found = lines(scratch.of('t'), [scratch.of('t')]);
  chmodSync(scratch.of('t', 'a'), 0o700);
  chmodSync(scratch.of('t', 'b'), 0o700);
  assert.deepEqual(found, [
    'enter ',
    ': a b c c.d',
    'enter /a',
    'source/unreadable /a',
    'leave /a incomplete',
    'enter /b',
    'source/unreadable /b/3',
    'leave /b incomplete',
    'enter /c.d',
    'leave /c.d',
    'leave ',
  ]);
});

test('without system calls a walk shows the same, as far as Node can see', () => {
  using scratch = scratchDirectory();
  makeHostileTree(scratch.of('t'), { deep: false });
  const script = `
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    const { walk } = await import(${JSON.stringify(new URL('walk.ts', import.meta.url).href)});
    const { planSources } = await import(${JSON.stringify(new URL('source-plan.ts', import.meta.url).href)});
    const { openForBackup } = await import(${JSON.stringify(new URL('file-reader.ts', import.meta.url).href)});
    for (const event of walk(planSources([process.argv[1]]))) {
      if (event.type === 'problem') throw event.error;
      if (event.type !== 'entries') continue;
      for (const entry of event.entries) {
        console.log(JSON.stringify(entry, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
        if (entry.type === 'file' && entry.mode & 0o400) {
          using reader = openForBackup(event.location.pathOf(entry.name), entry);
          if (!reader.isUnchanged()) throw new Error('changed');
        }
      }
      event.location.release();
    }`;
  const options = { maxBuffer: 1 << 26 };
  const parameters = ['--input-type=module', '-e', script, scratch.of('t')];
  const { stdout, stderr } = spawnSync(process.execPath, parameters, options);
  const seen = stdout.toString().trim().split('\n');
  const expected: string[] = [];
  for (const event of walk(planSources([scratch.of('t')]))) {
    if (event.type !== 'entries') continue;
    event.location.release();
    for (const entry of event.entries) {
      const linkTarget = entry.linkTarget && Buffer.from(entry.linkTarget);
      const visible = {
        ...changedEntry(entry, { name: Buffer.from(entry.name) }),
        linkTarget,
        user: undefined,
        group: undefined,
        xattrs: [],
        fileFlags: 0,
      };
      const text = JSON.stringify(visible, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      expected.push(text);
    }
  }
  assert.equal(stderr.toString(), '');
  assert.ok(expected.length > 70);
  const asBytes = (line: string): string => JSON.stringify(JSON.parse(line));
  assert.deepEqual(seen.map(asBytes), expected.map(asBytes));
});
