import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, test } from 'node:test';

import { scratchDirectory } from '../../test/support/scratch-directory.ts';
import {
  backUpOnce,
  createSmall,
  machine,
  openSmall,
} from '../../test/support/small-repository.ts';
import { systemClock } from '../base/clock.ts';
import { hasCode } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { listSnapshots, type StoredSnapshot } from '../repository/native/reader/snapshot-list.ts';
import { MemoryStorage } from '../storage/drivers/memory/memory.ts';
import type { Access } from '../repository/native/access.ts';
import { readFile } from './cat.ts';
import { diffSnapshots } from './diff.ts';
import { findEntries } from './find.ts';
import { listEntries } from './list.ts';
import type { OperationContext } from './operation.ts';

interface Scene {
  readonly access: Access;
  readonly before: StoredSnapshot;
  readonly after: StoredSnapshot;
  readonly source: string;
  readonly random: Uint8Array;
}

const context: OperationContext = {
  clock: systemClock,
  signal: new AbortController().signal,
  report: (event) => assert.fail(JSON.stringify(event)),
};

/** Two snapshots of a small tree. */
async function inScene(call: (scene: Scene) => Promise<void>): Promise<void> {
  using scratch = scratchDirectory();
  const source = scratch.of('source');
  const random = systemRandom(2_500_000);
  mkdirSync(`${source}/docs/same`, { recursive: true });
  mkdirSync(`${source}/gone`);
  writeFileSync(`${source}/docs/a.txt`, 'a');
  writeFileSync(`${source}/docs/same/b.txt`, 'b');
  writeFileSync(`${source}/gone/c.TXT`, 'c');
  writeFileSync(`${source}/random`, random);
  truncateSync(`${source}/random`, 4_000_000);
  writeFileSync(`${source}/touched`, 'touched');
  symlinkSync('a', `${source}/turns`);
  const storage = new MemoryStorage();
  await createSmall(storage, machine(scratch.path));
  await backUpOnce(storage, machine(scratch.path), { paths: [source] });
  writeFileSync(`${source}/docs/a.txt`, 'changed');
  writeFileSync(`${source}/docs/new.txt`, 'new');
  rmSync(`${source}/gone`, { recursive: true });
  unlinkSync(`${source}/turns`);
  mkdirSync(`${source}/turns`);
  writeFileSync(`${source}/turns/inside`, 'inside');
  chmodSync(`${source}/touched`, 0o600);
  utimesSync(source, 1, 1);
  await backUpOnce(storage, machine(scratch.path), { paths: [source] });
  await using repository = await openSmall(storage, machine(scratch.path));
  const { access } = repository;
  const [before, after] = (await listSnapshots(access)).snapshots;
  await call({ access, before: before!, after: after!, source, random });
}

const text = (path: Uint8Array): string => Buffer.from(path).toString();

describe('looking into snapshots', () => {
  test('lists a directory, everything below it, or one entry', async () => {
    await inScene(async ({ access, before, source }) => {
      const list = async (path: string | undefined, recursive: boolean): Promise<string[]> =>
        Array.fromAsync(
          listEntries(
            access,
            {
              snapshot: before,
              path: path === undefined ? undefined : Buffer.from(path),
              recursive,
            },
            context,
          ),
          (entry) => text(entry.path),
        );
      const top = ['docs', 'gone', 'random', 'touched', 'turns'];
      assert.deepEqual(await list(undefined, false), top);
      assert.deepEqual(await list(source, false), top);
      assert.deepEqual(await list('docs', true), ['docs/a.txt', 'docs/same', 'docs/same/b.txt']);
      assert.deepEqual(await list(`${source}/docs/a.txt`, true), ['docs/a.txt']);
      await assert.rejects(list('docs/none', true), (error) => hasCode(error, 'snapshot/missing'));
    });
  });

  test('finds what patterns match, and not what merely lies below it', async () => {
    await inScene(async ({ access, before, after, source }) => {
      const find = async (patterns: string[], ignoreCase = false): Promise<string[]> =>
        Array.fromAsync(
          findEntries(access, { snapshots: [before, after], patterns, ignoreCase }, context),
          ({ snapshot, path }) =>
            `${snapshot.id === before.snapshot.id ? 1 : 2} ${text(path).slice(source.length + 1)}`,
        );
      assert.deepEqual(await find(['docs']), ['1 docs', '2 docs']);
      assert.deepEqual(await find(['*.txt']), [
        '1 docs/a.txt',
        '1 docs/same/b.txt',
        '2 docs/a.txt',
        '2 docs/new.txt',
        '2 docs/same/b.txt',
      ]);
      assert.deepEqual(await find(['c.txt'], true), ['1 gone/c.TXT']);
      assert.deepEqual(await find(['re:/same/b', `${source}/turns/*`]), [
        '1 docs/same/b.txt',
        '2 docs/same/b.txt',
        '2 turns/inside',
      ]);
      await assert.rejects(find(['re:(']), (error) => hasCode(error, 'input/invalid'));
    });
  });

  test('tells what differs, and passes over what is the same', async () => {
    await inScene(async ({ access, before, after }) => {
      const compare = async (
        metadata: boolean,
        left: StoredSnapshot,
        right: StoredSnapshot,
        path?: string,
      ): Promise<string[]> => {
        const side = (snapshot: StoredSnapshot) => ({
          snapshot,
          path: path === undefined ? undefined : Buffer.from(path),
        });
        const input = { before: side(left), after: side(right), metadata };
        return Array.fromAsync(
          diffSnapshots(access, input, context),
          (difference) => `${difference.change} ${text(difference.path)}`,
        );
      };
      const changes = [
        'modified docs/a.txt',
        'added docs/new.txt',
        'removed gone',
        'removed gone/c.TXT',
        'type turns',
        'added turns/inside',
      ];
      assert.deepEqual(await compare(false, before, after), changes);
      const withMetadata = await compare(true, before, after);
      for (const change of [...changes, 'metadata ', 'metadata touched', 'metadata docs']) {
        assert.ok(withMetadata.includes(change), change);
      }
      assert.ok(!withMetadata.some((change) => change.includes('same')));
      assert.deepEqual(await compare(false, after, before, 'docs'), [
        'modified a.txt',
        'removed new.txt',
      ]);
      assert.deepEqual(await compare(true, after, after), []);
    });
  });

  test('gives the content of a file with its holes, and refuses what is none', async () => {
    await inScene(async ({ access, before, random }) => {
      const cat = async (path: string): Promise<Buffer> =>
        Buffer.concat(
          await Array.fromAsync(
            readFile(access, { snapshot: before, path: Buffer.from(path) }, context),
          ),
        );
      const expected = Buffer.alloc(4_000_000);
      expected.set(random);
      assert.ok((await cat('random')).equals(expected));
      assert.equal((await cat('docs/a.txt')).toString(), 'a');
      await assert.rejects(cat('docs'), (error) => hasCode(error, 'input/invalid'));
    });
  });
});
