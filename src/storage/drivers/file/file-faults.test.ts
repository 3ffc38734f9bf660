import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { namesIn, pattern, rejectsWith, sourceOf } from '#test/support/storage-samples.ts';
import {
  steeredFileSystem,
  type SystemCall,
  systemError,
} from '#test/support/steered-file-system.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { type AppError, type ErrorCode, hasCode, systemCodeOf } from '../../../base/errors.ts';
import { FileStorage } from './file.ts';

/** A storage in a new directory over a file system that a test steers; `calls` says what was called, temporaries as `*`. */
async function setUp(
  before: (call: SystemCall) => number | void | Promise<number | void> = () => undefined,
) {
  const directory = await temporaryDirectory();
  const root = path.join(directory.path, 'root');
  await mkdir(root);
  const calls: string[] = [];
  const problems: AppError[] = [];
  const fileSystem = steeredFileSystem((call) => {
    calls.push(`${call.call} ${call.file.startsWith('.holdfast') ? '*' : call.file}`);
    return before(call);
  });
  const storage = await FileStorage.open(root, {
    fileSystem,
    warn: (problem) => problems.push(problem),
  });
  calls.length = 0;
  return {
    storage,
    root,
    calls,
    problems,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

describe('FileStorage makes an object durable in the right order', () => {
  const changing = (call: string): boolean =>
    /^(?:mkdir|write|datasync|sync|close|rename|link|unlink) /u.test(call);

  test('when it is the first in a new directory', async () => {
    await using all = await setUp();
    await all.storage.put('packs/00/x', pattern(10));
    const directory = path.basename(path.dirname(all.root));
    assert.deepEqual(all.calls.filter(changing), [
      `sync ${directory}`,
      `close ${directory}`,
      'mkdir packs',
      'sync root',
      'close root',
      'mkdir 00',
      'sync packs',
      'close packs',
      'write *',
      'datasync *',
      'close *',
      'rename x',
      'sync 00',
      'close 00',
    ]);
  });

  test('when the directory is known', async () => {
    await using all = await setUp();
    await all.storage.put('packs/x', pattern(10));
    all.calls.length = 0;
    await all.storage.put('packs/y', sourceOf([pattern(10), pattern(20)]));
    assert.deepEqual(all.calls.filter(changing), [
      'write *',
      'write *',
      'datasync *',
      'close *',
      'rename y',
      'sync packs',
      'close packs',
    ]);
  });

  test('when it is large, and its odd end is written last', async () => {
    await using all = await setUp();
    await all.storage.put('x', pattern(10));
    all.calls.length = 0;
    const pieces = [pattern(1_000_000), pattern(300_001).subarray(1), pattern(7)];
    await all.storage.put('y', sourceOf(pieces));
    const order = all.calls.filter(changing);
    const written = order.lastIndexOf('write *');
    assert.deepEqual(order.slice(written + 1), [
      'datasync *',
      'close *',
      'rename y',
      'sync root',
      'close root',
    ]);
    assert.deepEqual(new Set(order.slice(0, written)), new Set(['write *']));
  });

  test('with ifAbsent', async () => {
    await using all = await setUp();
    await all.storage.put('x', pattern(10));
    all.calls.length = 0;
    await all.storage.put('y', pattern(10), { ifAbsent: true });
    assert.deepEqual(all.calls.filter(changing), [
      'write *',
      'datasync *',
      'close *',
      'link y',
      'sync root',
      'close root',
      'unlink *',
    ]);
  });

  test('when it is deleted', async () => {
    await using all = await setUp();
    await all.storage.put('packs/x', pattern(10));
    all.calls.length = 0;
    await all.storage.delete('packs/x');
    assert.deepEqual(all.calls.filter(changing), ['unlink x', 'sync packs', 'close packs']);
    all.calls.length = 0;
    await all.storage.delete('packs/x');
    assert.deepEqual(all.calls.filter(changing), ['sync packs', 'close packs']);
  });

  test('when the root and what is above it are new', async () => {
    await using directory = await temporaryDirectory();
    const calls: string[] = [];
    const fileSystem = steeredFileSystem(({ call, file }) => void calls.push(`${call} ${file}`));
    const storage = await FileStorage.open(path.join(directory.path, 'a', 'b'), { fileSystem });
    assert.deepEqual(await readdir(directory.path), []);
    await storage.put('x', pattern(10));
    assert.deepEqual(
      calls.filter((call) => /^(?:mkdir|sync) /u.test(call)),
      ['mkdir a', `sync ${path.basename(directory.path)}`, 'mkdir b', 'sync a', 'sync b'],
    );
    assert.equal((await stat(path.join(directory.path, 'a', 'b'))).mode & 0o777, 0o700);
    assert.equal((await stat(path.join(directory.path, 'a', 'b', 'x'))).mode & 0o777, 0o600);
  });

  test('when puts share a sync: each has one that begins after its rename', async () => {
    const renamed: string[] = [];
    const covered = new Set<string>();
    let syncs = 0;
    await using all = await setUp(async ({ call, file }) => {
      if (call === 'rename') renamed.push(file);
      if (call !== 'sync' || file !== 'd') return;
      syncs++;
      // What has been renamed by now is covered once the sync ends.
      const before = renamed.slice();
      await sleep(5);
      for (const name of before) covered.add(name);
    });
    await all.storage.put('d/first', pattern(1));
    syncs = 0;
    const puts = Array.from({ length: 40 }, async (_, index) => {
      await all.storage.put(`d/${index}`, pattern(1));
      assert.ok(covered.has(String(index)), `${index} was answered before it was synced`);
    });
    await Promise.all(puts);
    assert.ok(syncs < 40, `${syncs} syncs`);
  });
});

describe('FileStorage when a system call fails', () => {
  const faults: Readonly<Record<string, ErrorCode>> = {
    ENOSPC: 'storage/out-of-space',
    EDQUOT: 'storage/out-of-space',
    EFBIG: 'storage/out-of-space',
    EACCES: 'storage/access-denied',
    EPERM: 'storage/access-denied',
    EROFS: 'storage/access-denied',
    EIO: 'storage/unavailable',
    EMFILE: 'storage/unavailable',
    EWHATEVER: 'storage/unavailable',
  };
  for (const [system, code] of Object.entries(faults)) {
    for (const failing of ['open', 'write', 'datasync', 'close', 'rename', 'mkdir', 'sync']) {
      test(`${system} in ${failing}: a put rejects with ${code} and leaves nothing`, async () => {
        let armed = true;
        await using all = await setUp(({ call, file }) => {
          // Opening and closing are about the new file here; directories are opened to be synced.
          const isNewFile = file.startsWith('.holdfast');
          const wanted = call === failing && (['open', 'close'].includes(call) ? isNewFile : true);
          // The root's parent may be one that may not be opened, so that failure is for another test.
          if (!armed || !wanted || (call === 'sync' && file !== 'd')) return;
          armed = false;
          throw systemError(system, call);
        });
        await assert.rejects(all.storage.put('d/x', pattern(10)), (error) => {
          assert.ok(hasCode(error, code), String(error));
          assert.equal(systemCodeOf(error.cause), system);
          assert.match(error.message, /"d\/x"/u);
          return true;
        });
        assert.ok(!armed);
        assert.deepEqual(await filesIn(all.root), []);
        await rejectsWith(all.storage.stat('d/x'), 'storage/not-found');
        await all.storage.put('d/x', pattern(10));
        assert.deepEqual(await all.storage.read('d/x'), pattern(10));
        assert.deepEqual(all.problems, []);
      });
    }
  }

  test('a failed replacement keeps the old object', async () => {
    let armed = false;
    await using all = await setUp(({ call }) => {
      if (armed && call === 'datasync') throw systemError('ENOSPC');
    });
    await all.storage.put('x', pattern(10));
    armed = true;
    await rejectsWith(all.storage.put('x', pattern(20)), 'storage/out-of-space');
    assert.deepEqual(await all.storage.read('x'), pattern(10));
    assert.deepEqual(await filesIn(all.root), ['x']);
  });

  test('a temporary that cannot be removed is reported, and what failed first is thrown', async () => {
    await using all = await setUp(({ call }) => {
      if (call === 'datasync') throw systemError('ENOSPC');
      if (call === 'unlink') throw systemError('EIO');
    });
    await rejectsWith(all.storage.put('x', pattern(10)), 'storage/out-of-space');
    assert.deepEqual(
      all.problems.map(({ code }) => code),
      ['storage/unavailable'],
    );
    assert.deepEqual(await namesIn(all.storage, ''), []);
  });

  test('short and interrupted writes and reads are continued', async () => {
    const interrupted = new Set<string>();
    await using all = await setUp(({ call }) => {
      if (!['write', 'read', 'datasync', 'rename', 'sync', 'open', 'stat', 'lstat'].includes(call))
        return;
      if (interrupted.has(call)) interrupted.delete(call);
      else {
        interrupted.add(call);
        throw systemError('EINTR');
      }
      return call === 'write' || call === 'read' ? 777 : undefined;
    });
    await all.storage.put('x', pattern(10_000));
    assert.deepEqual(await readFile(path.join(all.root, 'x')), Buffer.from(pattern(10_000)));
    assert.deepEqual(await all.storage.read('x'), pattern(10_000));
    assert.deepEqual(
      await all.storage.read('x', { range: { offset: -5000 } }),
      pattern(10_000).slice(5000),
    );
  });

  test('a write that takes nothing is an error, not an endless loop', async () => {
    await using all = await setUp(({ call }) => (call === 'write' ? 0 : undefined));
    await rejectsWith(all.storage.put('x', pattern(10)), 'storage/unavailable');
    assert.deepEqual(await filesIn(all.root), []);
  });

  test('a file of which less is there than was written is no object', async () => {
    await using all = await setUp(async ({ call, file }) => {
      if (call === 'datasync') await truncate(path.join(all.root, file), 5);
    });
    await rejectsWith(all.storage.put('x', pattern(10)), 'storage/unavailable');
    assert.deepEqual(await filesIn(all.root), []);
  });

  test('an object that becomes shorter while it is read is an error', async () => {
    await using all = await setUp(async ({ call }) => {
      if (call === 'read') await writeFile(path.join(all.root, 'x'), 'short');
    });
    await all.storage.put('x', pattern(10_000));
    await rejectsWith(all.storage.read('x'), 'storage/unavailable');
  });

  for (const [system, code] of [
    ['EACCES', 'storage/access-denied'],
    ['EIO', 'storage/unavailable'],
    ['EWHATEVER', 'storage/unavailable'],
  ] as const) {
    test(`${system} in reading is ${code}, never an absent object or a short list`, async () => {
      let armed = false;
      await using all = await setUp(({ call }) => {
        if (armed && ['open', 'lstat', 'readdir', 'unlink'].includes(call))
          throw systemError(system, call);
      });
      await all.storage.put('d/x', pattern(10));
      armed = true;
      await rejectsWith(all.storage.read('d/x'), code);
      await rejectsWith(all.storage.get('d/x'), code);
      await rejectsWith(all.storage.stat('d/x'), code);
      await rejectsWith(all.storage.delete('d/x'), code);
      await rejectsWith(namesIn(all.storage, ''), code);
      armed = false;
      assert.deepEqual(await namesIn(all.storage, ''), ['d/x']);
    });
  }

  test('a failure to close what was read is one of the storage', async () => {
    let armed = false;
    await using all = await setUp(({ call }) => {
      if (armed && call === 'close') throw systemError('EIO', call);
    });
    await all.storage.put('x', pattern(10));
    armed = true;
    await rejectsWith(all.storage.read('x'), 'storage/unavailable');
    const stream = await all.storage.get('x');
    await rejectsWith(new Response(stream).bytes(), 'storage/unavailable');
  });

  test('without hard links ifAbsent still lets exactly one succeed', async () => {
    await using all = await setUp(({ call }) => {
      if (call === 'link') throw systemError('EPERM', 'link');
    });
    const puts = Array.from({ length: 8 }, (_, index) =>
      all.storage.put('d/x', pattern(10, index), { ifAbsent: true }),
    );
    const results = await Promise.allSettled(puts);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const result of results) {
      if (result.status === 'rejected')
        assert.ok(hasCode(result.reason, 'storage/already-exists', 'storage/unavailable'));
    }
    await rejectsWith(
      all.storage.put('d/x', pattern(10), { ifAbsent: true }),
      'storage/already-exists',
    );
    assert.deepEqual(await filesIn(all.root), ['x']);
  });

  test('a link whose answer was lost and that is repeated has succeeded', async () => {
    await using all = await setUp(async ({ call }) => {
      if (call !== 'link') return;
      const [temporary = ''] = await filesIn(all.root);
      const { link } = await import('node:fs/promises');
      await link(path.join(all.root, temporary), path.join(all.root, 'x'));
    });
    await all.storage.put('x', pattern(10), { ifAbsent: true });
    assert.deepEqual(await filesIn(all.root), ['x']);
  });

  test('a file system that cannot sync directories is used all the same', async () => {
    await using all = await setUp(({ call }) => {
      if (call === 'sync') throw systemError('EINVAL', 'fsync');
    });
    await all.storage.put('d/x', pattern(10));
    assert.deepEqual(await all.storage.read('d/x'), pattern(10));
  });
});
