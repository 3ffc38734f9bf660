import assert from 'node:assert/strict';
import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { crc32 } from 'node:zlib';

import fc from 'fast-check';

import { SeededRandom } from '#test/support/seeded-random.ts';
import { temporaryDirectory, type TemporaryDirectory } from '#test/support/temporary-directory.ts';

import { toHex } from '../../../base/bytes.ts';
import type { CachedDirectory } from './remembered-directory.ts';
import { SourceCache } from './source-cache.ts';

const bytes = fc.uint8Array({ maxLength: 40 });
const directories = fc.record({
  tree: bytes,
  ids: bytes,
  children: fc.array(fc.record({ name: bytes, status: bytes, entry: bytes, ids: bytes }), {
    maxLength: 6,
  }),
});

function plain(directory: CachedDirectory | undefined): unknown {
  if (directory === undefined) return undefined;
  const { tree, ids, children } = directory;
  return {
    tree: toHex(tree),
    ids: toHex(ids),
    children: children.map((one) => [one.name, one.status, one.entry, one.ids].map(toHex)),
  };
}

function directoryOf(random: SeededRandom): CachedDirectory {
  return {
    tree: random.bytes(50),
    ids: random.bytes(32),
    children: Array.from({ length: random.below(20) }, () => ({
      name: random.bytes(10),
      status: random.bytes(30),
      entry: random.bytes(100),
      ids: random.bytes(32),
    })),
  };
}

describe('source cache', () => {
  let place: TemporaryDirectory;
  let file: string;
  beforeEach(async () => {
    place = await temporaryDirectory();
    file = `${place.path}/sources.db`;
  });
  afterEach(() => place[Symbol.asyncDispose]());

  test('gives back what was set, at once, after saving and after opening again', () => {
    using cache = new SourceCache(file);
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        directories,
        (path, directory) => {
          cache.set(path, directory);
          assert.deepEqual(plain(cache.get(path)), plain(directory));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('what was saved is there for the next run, also if the one before was killed', () => {
    const random = new SeededRandom(1);
    const [one, two] = [directoryOf(random), directoryOf(random)];
    const killed = new SourceCache(file);
    killed.set(Buffer.from('/one'), one);
    killed.save();
    killed.set(Buffer.from('/two'), two);
    // A killed process leaves the files as they are.
    for (const name of readdirSync(place.path)) {
      copyFileSync(`${place.path}/${name}`, `${place.path}/copy-${name}`);
    }
    killed[Symbol.dispose]();
    using next = new SourceCache(`${place.path}/copy-sources.db`);
    assert.deepEqual(plain(next.get(Buffer.from('/one'))), plain(one));
    assert.equal(next.get(Buffer.from('/two')), undefined);
    using again = new SourceCache(file);
    assert.deepEqual(plain(again.get(Buffer.from('/two'))), plain(two));
  });

  test('a row that is damaged, or another path’s, is no row', () => {
    {
      using cache = new SourceCache(file);
      cache.set(Buffer.from('/a'), directoryOf(new SeededRandom(2)));
      cache.set(Buffer.from('/b'), directoryOf(new SeededRandom(3)));
    }
    const database = new DatabaseSync(file);
    const row = database.prepare('SELECT row FROM directory WHERE path = ?').get(Buffer.from('/a'));
    const stored = row!['row'] as Uint8Array;
    const write = database.prepare('INSERT OR REPLACE INTO directory VALUES (?, ?)');
    database.exec('BEGIN');
    write.run(Buffer.from('/c'), stored);
    const paths: string[] = [];
    for (let index = 0; index < stored.length; index++) {
      const damaged = Uint8Array.from(stored);
      damaged[index] = damaged[index]! ^ 1;
      paths.push(`/a${index}`);
      write.run(Buffer.from(`/a${index}`), damaged);
      if (index % 50 !== 0) continue;
      write.run(Buffer.from(`/cut${index}`), stored.slice(0, index));
      paths.push(`/cut${index}`);
    }
    database.exec('COMMIT');
    database.close();
    using cache = new SourceCache(file);
    for (const path of ['/c', ...paths]) {
      assert.equal(cache.get(Buffer.from(path)), undefined, path);
    }
    assert.deepEqual(plain(cache.get(Buffer.from('/b'))), plain(directoryOf(new SeededRandom(3))));
  });

  test('a row of another version is no row, however sound it is', () => {
    const path = Buffer.from('/a');
    {
      using cache = new SourceCache(file);
      cache.set(path, directoryOf(new SeededRandom(2)));
    }
    const database = new DatabaseSync(file);
    const row = database.prepare('SELECT row FROM directory WHERE path = ?').get(path)!['row'];
    const body = (row as Uint8Array).slice(0, -4);
    const [version = 0] = body;
    for (const change of [1, 0]) {
      body[0] = version + change;
      const check = Buffer.alloc(4);
      check.writeUInt32LE(crc32(body));
      const changed = Buffer.concat([body, check]);
      database.prepare('UPDATE directory SET row = ? WHERE path = ?').run(changed, path);
      using cache = new SourceCache(file);
      assert.equal(cache.get(path) === undefined, change === 1);
    }
    database.close();
  });

  test('bytes that are wrong anywhere in the file never give anything wrong, and never fail', () => {
    const stored = new Map<string, unknown>();
    {
      const random = new SeededRandom(4);
      using cache = new SourceCache(file);
      for (let index = 0; index < 200; index++) {
        const path = `/some/directory/number-${index}`;
        const directory = directoryOf(random);
        cache.set(Buffer.from(path), directory);
        stored.set(path, plain(directory));
      }
    }
    const { size } = statSync(file);
    const random = new SeededRandom(5);
    let known = 0;
    for (let round = 0; round < 120; round++) {
      const copy = `${place.path}/damaged-${round}.db`;
      copyFileSync(file, copy);
      const kind = round % 4;
      if (kind === 3) {
        truncateSync(copy, random.below(size));
      } else {
        const handle = openSync(copy, 'r+');
        const length = [1, 100, 8192][kind]!;
        // The first bytes are what SQLite believes most.
        const at = round % 8 < 4 ? random.below(100) : random.below(size);
        writeSync(
          handle,
          round % 3 === 0 ? Buffer.alloc(length) : random.bytes(length),
          0,
          length,
          at,
        );
        closeSync(handle);
      }
      let cache: SourceCache | undefined;
      try {
        cache = new SourceCache(copy);
      } catch {
        // Whoever opens it goes on without, and the next run begins a new file.
      }
      if (cache !== undefined) {
        for (const [path, expected] of stored) {
          const got = cache.get(Buffer.from(path));
          if (got === undefined) continue;
          known++;
          assert.deepEqual(plain(got), expected, `round ${round}, ${path}`);
        }
        cache.set(Buffer.from('/new'), directoryOf(random));
        cache.save();
        cache[Symbol.dispose]();
      }
      // The run after it, at the latest the second one, has a cache that works.
      let works = false;
      for (let run = 0; run < 3 && !works; run++) {
        try {
          using next = new SourceCache(copy);
          const directory = directoryOf(random);
          next.set(Buffer.from('/some/directory/number-7'), directory);
          const got = next.get(Buffer.from('/some/directory/number-7'));
          works = got !== undefined;
          if (works) assert.deepEqual(plain(got), plain(directory));
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
        }
      }
      assert.ok(works, `round ${round}: a damaged cache is replaced`);
    }
    assert.ok(known > 1000, 'much of what is damaged elsewhere is still of use');
  });

  test('what is no database at all is replaced', () => {
    writeFileSync(file, Buffer.alloc(10_000, 7));
    try {
      new SourceCache(file)[Symbol.dispose]();
    } catch {
      // The first may go without.
    }
    using cache = new SourceCache(file);
    cache.set(Buffer.from('/a'), directoryOf(new SeededRandom(6)));
    assert.ok(cache.get(Buffer.from('/a')) !== undefined);
  });
});
