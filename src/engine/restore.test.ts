import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, test } from 'node:test';

import { damaging } from '../../test/support/damaging-storage.ts';
import { totalsInProgress } from '../../test/support/operation.ts';
import { makeHostileTree } from '../../test/support/hostile-tree.ts';
import { openHandles, scratchDirectory } from '../../test/support/scratch-directory.ts';
import { backUpOnce, createSmall, machine } from '../../test/support/small-repository.ts';
import {
  actionsOf,
  noise,
  problemsOf,
  restoreNewest,
  snapshotOf,
} from '../../test/support/small-restore.ts';
import { compareTrees } from '../../test/support/tree-comparer.ts';
import { AppError, hasCode } from '../base/errors.ts';
import { parseRule } from '../model/filter-rule.ts';
import { compilePathFilter } from '../model/path-filter.ts';
import { systemClock } from '../base/clock.ts';
import { MemoryStorage } from '../storage/drivers/memory/memory.ts';
import { forward } from '../storage/layers/forward.ts';
import type { Storage } from '../storage/storage.ts';
import type { RestoreInput } from './restore.ts';

describe('restore', () => {
  test('gives back a hostile tree exactly and leaves no handle open', async () => {
    using scratch = scratchDirectory();
    const source = scratch.of('source');
    makeHostileTree(source);
    // Only root can read these.
    const secret = ['0', '111', '222'].map((mode) => `${source}/modes/file ${mode}`);
    if (process.getuid?.() !== 0) for (const file of secret) unlinkSync(file);
    const storage = new MemoryStorage();
    await createSmall(storage, machine(scratch.path));
    await backUpOnce(storage, machine(scratch.path), { paths: [source] });
    await restoreNewest(storage, scratch.path, { target: scratch.of('first'), workers: 1 });
    const before = openHandles();
    const restored = await restoreNewest(storage, scratch.path, {});
    assert.equal(openHandles(), before);
    assert.deepEqual(problemsOf(restored), []);
    assert.deepEqual(compareTrees(source, scratch.of('target')), []);
  });

  test('restores large, sparse and empty files, and content that files share', async () => {
    using scratch = scratchDirectory();
    const same = noise(3_000_000);
    const { storage, source, target } = await snapshotOf(scratch.path, (at) => {
      writeFileSync(`${at}/large`, noise(9_000_000));
      writeFileSync(`${at}/one`, same);
      writeFileSync(`${at}/two`, same);
      writeFileSync(`${at}/empty`, '');
      writeFileSync(`${at}/sparse`, noise(100_000));
      truncateSync(`${at}/sparse`, 5_000_000_000);
      for (let number = 0; number < 300; number++) {
        mkdirSync(`${at}/d${number % 7}`, { recursive: true });
        writeFileSync(`${at}/d${number % 7}/f${number}`, noise(number * 37));
      }
    });
    const { summary, events } = await restoreNewest(storage, scratch.path, { verify: true });
    assert.deepEqual(totalsInProgress(events), [summary.bytes]);
    assert.deepEqual(compareTrees(source, target), []);
    assert.equal(summary.files, 305);
    assert.equal(summary.errors, 0);
  });

  test('reads the head of a pack at most once besides what is read with it', async () => {
    using scratch = scratchDirectory();
    const { storage, source, target } = await snapshotOf(scratch.path, (at) => {
      // Of a pack that several reads are begun of together.
      writeFileSync(`${at}/large`, noise(30_000_000));
    });
    const heads = new Map<string, number>();
    const watched: Storage = {
      ...forward(storage),
      async read(name, options) {
        const isHead = name.startsWith('packs/') && options?.range?.offset === 0;
        // As far away as it takes for the others to be begun.
        await systemClock.sleep(20);
        if (isHead) heads.set(name, (heads.get(name) ?? 0) + 1);
        return storage.read(name, options);
      },
    };
    await restoreNewest(watched, scratch.path, {});
    assert.deepEqual(compareTrees(source, target), []);
    assert.ok(Math.max(...heads.values()) <= 2, JSON.stringify([...heads]));
  });

  test('does not wait for the head of a pack when it is stopped', { timeout: 60_000 }, async () => {
    using scratch = scratchDirectory();
    const { storage } = await snapshotOf(scratch.path, (at) => {
      writeFileSync(`${at}/large`, noise(30_000_000));
    });
    const stop = new AbortController();
    const stalling: Storage = {
      ...forward(storage),
      async read(name, options) {
        const { range, signal } = options ?? {};
        if (!name.startsWith('packs/') || range?.offset !== 0 || range.length !== 65_536) {
          return storage.read(name, options);
        }
        // Everything else has been answered.
        setTimeout(() => stop.abort(new AppError('interrupted', 'Enough')), 200);
        const stopped = Promise.withResolvers<never>();
        signal?.addEventListener('abort', () => stopped.reject(signal.reason));
        return stopped.promise;
      },
    };
    const restored = restoreNewest(stalling, scratch.path, {}, stop);
    await assert.rejects(restored, (error) => hasCode(error, 'interrupted'));
  });

  test('restores a file of many pieces and holes, anew and in place', async () => {
    using scratch = scratchDirectory();
    const { storage, source, target } = await snapshotOf(scratch.path, (at) => {
      const fd = openSync(`${at}/holes`, 'w');
      for (let piece = 0; piece < 150; piece++) {
        writeSync(fd, noise(4096), 0, 4096, piece * 1_048_576 + 65_536);
      }
      closeSync(fd);
      truncateSync(`${at}/holes`, 200_000_000);
    });
    await restoreNewest(storage, scratch.path, {});
    assert.deepEqual(compareTrees(source, target), []);
    const fd = openSync(`${target}/holes`, 'r+');
    writeSync(fd, noise(3_000_000), 0, 3_000_000, 500_000);
    closeSync(fd);
    truncateSync(`${target}/holes`, 150_000_000);
    const { summary } = await restoreNewest(storage, scratch.path, { policy: 'if-changed' });
    assert.deepEqual(compareTrees(source, target), []);
    assert.ok(summary.bytesAdded < 600_000, `${summary.bytesAdded} bytes were written`);
  });

  test('refuses a target with other things in it, and takes an empty one', async () => {
    using scratch = scratchDirectory();
    const { storage, target } = await snapshotOf(scratch.path, (at) => {
      writeFileSync(`${at}/file`, 'new');
    });
    mkdirSync(target);
    writeFileSync(`${target}/file`, 'old');
    await assert.rejects(restoreNewest(storage, scratch.path, {}), (error) => {
      assert.ok(hasCode(error, 'target/refused'));
      assert.match(error.message, /is not empty/u);
      return true;
    });
    assert.equal(readFileSync(`${target}/file`, 'utf8'), 'old');
    assert.deepEqual(readdirSync(target), ['file']);
    mkdirSync(scratch.of('empty'));
    await restoreNewest(storage, scratch.path, { target: scratch.of('empty') });
    assert.deepEqual(readdirSync(scratch.of('empty')), ['file']);
  });

  test('continues a restore that was interrupted', async () => {
    using scratch = scratchDirectory();
    const { storage, source, target } = await snapshotOf(scratch.path, (at) => {
      for (let number = 0; number < 40; number++) writeFileSync(`${at}/f${number}`, noise(5000));
      writeFileSync(`${at}/large`, noise(6_000_000));
    });
    const stop = new AbortController();
    let packs = 0;
    const dying: Storage = {
      ...forward(storage),
      read(name, options) {
        if (name.startsWith('packs/') && ++packs > 2) stop.abort(new Error('killed'));
        return storage.read(name, options);
      },
    };
    await assert.rejects(restoreNewest(dying, scratch.path, {}, stop), /killed/u);
    assert.notDeepEqual(readdirSync(target), []);
    // As a kill in the middle of a file leaves it.
    writeFileSync(`${target}/f0`, 'torn');
    const { events } = await restoreNewest(storage, scratch.path, {});
    assert.ok(events.some(({ type }) => type === 'notice'));
    assert.deepEqual(compareTrees(source, target), []);
  });

  test('in place: writes what differs, skips the rest, deletes only when told', async () => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) => {
      writeFileSync(`${at}/large`, noise(5_000_000));
      writeFileSync(`${at}/same`, 'same');
      mkdirSync(`${at}/sub`);
      writeFileSync(`${at}/sub/gone`, 'gone');
      symlinkSync('same', `${at}/link`);
      writeFileSync(`${at}/a`, 'linked');
      linkSync(`${at}/a`, `${at}/b`);
    });
    const copy = scratch.of('copy');
    await restoreNewest(storage, scratch.path, { target: copy });
    const inode = lstatSync(`${source}/large`).ino;
    const large = readFileSync(`${source}/large`);
    large[2_000_000]! ^= 1;
    writeFileSync(`${source}/large`, large);
    writeFileSync(`${source}/extra`, 'extra');
    chmodSync(`${source}/same`, 0o600);
    rmSync(`${source}/sub`, { recursive: true });
    unlinkSync(`${source}/link`);
    symlinkSync('/etc', `${source}/link`);
    const dry = await restoreNewest(storage, scratch.path, {
      target: undefined,
      delete: true,
      dryRun: true,
    });
    assert.deepEqual(actionsOf(dry, 'deleted'), [`${source}/extra`]);
    assert.ok(actionsOf(dry, 'restored').includes(`${source}/sub/gone`));
    assert.ok(existsSync(`${source}/extra`));
    assert.ok(!existsSync(`${source}/sub`));
    const kept = await restoreNewest(storage, scratch.path, { target: undefined });
    assert.ok(existsSync(`${source}/extra`));
    assert.ok(actionsOf(kept, 'unchanged').includes(`${source}/same`));
    assert.ok(kept.summary.bytesAdded < 20_000, `${kept.summary.bytesAdded} bytes were written`);
    assert.equal(lstatSync(`${source}/large`).ino, inode);
    await restoreNewest(storage, scratch.path, { target: undefined, delete: true });
    assert.deepEqual(compareTrees(source, copy), []);
  });

  test('follows the policy for what exists', async () => {
    using scratch = scratchDirectory();
    const { storage, target } = await snapshotOf(scratch.path, (at) => {
      for (const name of ['older', 'newer', 'absent']) {
        writeFileSync(`${at}/${name}`, 'snapshot');
        utimesSync(`${at}/${name}`, 5000, 5000);
      }
    });
    const read = (): string[] =>
      ['older', 'newer', 'absent'].map((name) => readFileSync(`${target}/${name}`, 'utf8'));
    const prepare = (): void => {
      mkdirSync(target, { recursive: true });
      for (const [name, time] of [
        ['older', 4000],
        ['newer', 6000],
      ] as const) {
        writeFileSync(`${target}/${name}`, 'existing');
        utimesSync(`${target}/${name}`, time, time);
      }
    };
    prepare();
    await restoreNewest(storage, scratch.path, { policy: 'never' });
    assert.deepEqual(read(), ['existing', 'existing', 'snapshot']);
    prepare();
    await restoreNewest(storage, scratch.path, { policy: 'if-newer' });
    assert.deepEqual(read(), ['snapshot', 'existing', 'snapshot']);
    prepare();
    await restoreNewest(storage, scratch.path, { policy: 'always' });
    assert.deepEqual(read(), ['snapshot', 'snapshot', 'snapshot']);
  });

  test('tells what the policy has left as it was, apart from what is the same', async () => {
    using scratch = scratchDirectory();
    const { storage, target } = await snapshotOf(scratch.path, (at) => {
      for (const name of ['same', 'newer', 'kind']) writeFileSync(`${at}/${name}`, 'snapshot');
      utimesSync(`${at}/same`, 5000, 5000);
    });
    mkdirSync(`${target}/kind`, { recursive: true });
    writeFileSync(`${target}/same`, 'snapshot');
    utimesSync(`${target}/same`, 5000, 5000);
    writeFileSync(`${target}/newer`, 'existing');
    utimesSync(`${target}/newer`, 5_000_000_000, 5_000_000_000);
    for (const dryRun of [true, false]) {
      const { summary } = await restoreNewest(storage, scratch.path, { policy: 'never', dryRun });
      assert.equal(summary.files, 1);
      assert.equal(summary.filesUnchanged, 1);
      assert.equal(summary.bytes, 8);
      assert.equal(summary.details?.['skipped'], 2);
    }
    rmSync(`${target}/kind`, { recursive: true });
    const { summary } = await restoreNewest(storage, scratch.path, { policy: 'if-newer' });
    assert.deepEqual([summary.files, summary.filesUnchanged], [2, 1]);
    assert.equal(summary.details?.['skipped'], 1);
    assert.equal(readFileSync(`${target}/newer`, 'utf8'), 'existing');
  });

  test('a dry run counts as the restore does', async () => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) => {
      rmSync(at, { recursive: true });
      makeHostileTree(at);
    });
    const counts = async (input: Partial<RestoreInput>) => {
      const { summary } = await restoreNewest(storage, scratch.path, { ...input, verbose: false });
      const { files, bytes, filesUnchanged, errors, details } = summary;
      return { files, bytes, filesUnchanged, errors, details };
    };
    assert.deepEqual(await counts({ dryRun: true }), await counts({}));
    writeFileSync(`${source}/changed`, 'one');
    writeFileSync(`${source}/gone`, 'two');
    await backUpOnce(storage, machine(scratch.path), { paths: [source] });
    writeFileSync(`${source}/changed`, 'other');
    rmSync(`${source}/gone`);
    writeFileSync(`${source}/more`, 'three');
    const inPlace = { target: undefined, delete: true };
    const dry = await restoreNewest(storage, scratch.path, { ...inPlace, dryRun: true });
    assert.ok(dry.summary.bytesAdded >= 6, `${dry.summary.bytesAdded} bytes to write`);
    assert.deepEqual(await counts({ ...inPlace, dryRun: true }), await counts(inPlace));
  });

  test('says so if nothing fits the filters', async () => {
    using scratch = scratchDirectory();
    const { storage } = await snapshotOf(scratch.path, (at) => {
      mkdirSync(`${at}/empty`);
      writeFileSync(`${at}/file`, '');
    });
    const warnings = async (pattern: string, dryRun: boolean): Promise<string[]> => {
      const filter = compilePathFilter([parseRule(pattern, 'include')]);
      const { events } = await restoreNewest(storage, scratch.path, {
        filter,
        dryRun,
        target: scratch.of(pattern.replaceAll('*', '')),
      });
      return events.flatMap((event) => (event.type === 'problem' ? [event.error.message] : []));
    };
    for (const dryRun of [true, false]) {
      assert.deepEqual(await warnings('*.nomatch', dryRun), [
        'Nothing in the snapshot fits the filters, so nothing was restored',
      ]);
      assert.deepEqual(await warnings('fi*', dryRun), []);
      assert.deepEqual(await warnings('emp*', dryRun), []);
    }
  });

  test('a file that a killed restore left unfinished is completed even with "never"', async () => {
    using scratch = scratchDirectory();
    const { storage, target } = await snapshotOf(scratch.path, (at) => {
      writeFileSync(`${at}/file`, 'all of it');
    });
    mkdirSync(target);
    writeFileSync(`${target}/file`, 'all');
    chmodSync(`${target}/file`, 0o1600);
    await restoreNewest(storage, scratch.path, { policy: 'never' });
    assert.equal(readFileSync(`${target}/file`, 'utf8'), 'all of it');
    assert.equal(lstatSync(`${target}/file`).mode & 0o7777, 0o644);
  });

  test('restores a part: a directory, a file, what a filter takes', async () => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) => {
      mkdirSync(`${at}/docs/deep`, { recursive: true });
      writeFileSync(`${at}/docs/a.txt`, 'a');
      writeFileSync(`${at}/docs/deep/b.txt`, 'b');
      writeFileSync(`${at}/docs/deep/c.jpg`, 'c');
      mkdirSync(`${at}/other`);
    });
    const to = (name: string): string => scratch.of(name);
    await restoreNewest(storage, scratch.path, { path: Buffer.from('docs'), target: to('one') });
    assert.deepEqual(compareTrees(`${source}/docs`, to('one')), []);
    await restoreNewest(storage, scratch.path, {
      path: Buffer.from(`${source}/docs/deep/b.txt`),
      target: to('two'),
    });
    assert.deepEqual(readdirSync(to('two')), ['b.txt']);
    const filter = compilePathFilter([parseRule('*.txt', 'include')]);
    await restoreNewest(storage, scratch.path, { filter, target: to('three') });
    const found = readdirSync(to('three'), { recursive: true }).map(String).toSorted();
    assert.deepEqual(found, ['docs', 'docs/a.txt', 'docs/deep', 'docs/deep/b.txt']);
    await assert.rejects(
      restoreNewest(storage, scratch.path, { path: Buffer.from('docs/no'), target: to('four') }),
      (error) => hasCode(error, 'snapshot/missing'),
    );
    assert.ok(!existsSync(to('four')));
  });

  test('with several sources each lies below their common parent', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('data', 'x', 'one'), { recursive: true });
    mkdirSync(scratch.of('data', 'two'), { recursive: true });
    writeFileSync(scratch.of('data', 'x', 'one', 'f'), '1');
    writeFileSync(scratch.of('data', 'two', 'g'), '2');
    writeFileSync(scratch.of('data', 'stranger'), '3');
    const storage = new MemoryStorage();
    await createSmall(storage, machine(scratch.path));
    const paths = [scratch.of('data', 'x', 'one'), scratch.of('data', 'two')];
    await backUpOnce(storage, machine(scratch.path), { paths });
    await restoreNewest(storage, scratch.path, {});
    const found = readdirSync(scratch.of('target'), { recursive: true }).map(String).toSorted();
    assert.deepEqual(found, ['two', 'two/g', 'x', 'x/one', 'x/one/f']);
    // In place, what lies beside the sources is none of the snapshot's business.
    writeFileSync(scratch.of('data', 'two', 'extra'), '4');
    await restoreNewest(storage, scratch.path, { target: undefined, delete: true });
    assert.ok(existsSync(scratch.of('data', 'stranger')));
    assert.ok(!existsSync(scratch.of('data', 'two', 'extra')));
  });

  test('never follows a link out of the target', async () => {
    using scratch = scratchDirectory();
    const outside = scratch.of('outside');
    mkdirSync(outside);
    const { storage, source, target } = await snapshotOf(scratch.path, (at) => {
      mkdirSync(`${at}/dir`);
      writeFileSync(`${at}/dir/file`, 'content');
      writeFileSync(`${at}/plain`, 'content');
    });
    mkdirSync(target);
    symlinkSync(outside, `${target}/dir`);
    symlinkSync(`${outside}/made`, `${target}/plain`);
    await restoreNewest(storage, scratch.path, { policy: 'always' });
    assert.deepEqual(readdirSync(outside), []);
    assert.deepEqual(compareTrees(source, target), []);
  });

  test('warns of a damaged pack once, however much of it is damaged', async () => {
    using scratch = scratchDirectory();
    const { storage } = await snapshotOf(scratch.path, (at) => {
      for (let number = 0; number < 4; number++)
        writeFileSync(`${at}/f${number}`, noise(2_000_000));
    });
    let damaged = '';
    for await (const { name, size } of storage.list('packs/')) {
      if (size > 7_000_000) damaged = name;
    }
    const bad = [500_000, 2_500_000, 4_500_000, 6_500_000].reduce<Storage>(
      (inner, byte) => damaging(inner, (name) => (name === damaged ? { byte } : undefined)),
      storage,
    );
    const { summary, events } = await restoreNewest(bad, scratch.path, {});
    assert.ok(Number(summary.details?.['damaged']) > 1);
    const warnings = events.filter(
      (event) => event.type === 'problem' && event.severity === 'warning',
    );
    assert.equal(warnings.length, 1);
  });

  test('names the pack and the file when content is lost, and restores the rest', async () => {
    using scratch = scratchDirectory();
    const { storage, source, target } = await snapshotOf(scratch.path, (at) => {
      writeFileSync(`${at}/small`, 'x'.repeat(5000));
      writeFileSync(`${at}/large`, noise(3_000_000));
    });
    let damaged = '';
    for await (const { name, size } of storage.list('packs/')) {
      if (size > 1_000_000) damaged = name;
    }
    const bad = damaging(storage, (name) => (name === damaged ? { byte: 1_000_000 } : undefined));
    const restored = await restoreNewest(bad, scratch.path, {});
    const problems = problemsOf(restored);
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, /bytes of "large" are lost/u);
    assert.ok(problems[0]!.includes(damaged));
    assert.equal(restored.summary.details?.['damaged'], 1);
    assert.equal(readFileSync(`${target}/small`, 'utf8').length, 5000);
    const { mode, mtimeMs, size } = lstatSync(`${target}/large`);
    assert.equal(mode & 0o7777, 0o600);
    assert.equal(size, 3_000_000);
    assert.notEqual(mtimeMs, lstatSync(`${source}/large`).mtimeMs);
    // Once the damage is gone, the same restore makes it whole.
    await restoreNewest(storage, scratch.path, { policy: 'if-changed' });
    assert.deepEqual(compareTrees(source, target), []);
  });
});
