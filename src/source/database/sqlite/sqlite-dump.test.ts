import assert from 'node:assert/strict';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { type TemporaryDirectory, temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../../base/clock.ts';
import { systemRandom } from '../../../base/random.ts';
import type { LoadRequest } from '../database-load.ts';
import type { DumpRequest } from '../database-dump.ts';
import { fileAddress } from '../database-url.ts';
import { localTools } from '../tool-runner.ts';
import { loadSqlite } from './load-sqlite.ts';
import { sqliteDumps } from './sqlite-dump.ts';

/** Moves amounts between two tables until it is told to stop; in each transaction they cancel each other out. */
const writer = `
  const { workerData, parentPort } = require('node:worker_threads');
  const { DatabaseSync } = require('node:sqlite');
  const database = new DatabaseSync(workerData.file, { timeout: 60000 });
  let moves = 0;
  const flag = new Int32Array(workerData.stop);
  parentPort.postMessage('begun');
  while (Atomics.load(flag, 0) === 0) {
    database.exec('BEGIN IMMEDIATE; INSERT INTO a_left VALUES (7); INSERT INTO z_right VALUES (-7); COMMIT');
    moves++;
    // Who has a file on a slow disk all the time lets nobody else in.
    Atomics.wait(flag, 1, 0, 10);
  }
  database.close();
  parentPort.postMessage(moves);
`;

describe('a database of SQLite', () => {
  let directory: TemporaryDirectory;
  const of = (name: string): string => path.join(directory.path, name);
  before(async () => void (directory = await temporaryDirectory()));
  after(() => directory[Symbol.asyncDispose]());

  const request = (file: string): DumpRequest => ({
    address: fileAddress('sqlite', file),
    tools: localTools({ environment: {} }),
    clock: systemClock,
    wait: 60_000,
    temporaryDirectory: directory.path,
  });
  const dumpOf = async (file: string): Promise<Buffer> => {
    const [dump] = await sqliteDumps(request(file));
    const parts: Uint8Array[] = [];
    for await (const part of dump!.stream()) parts.push(Buffer.from(part));
    return Buffer.concat(parts);
  };
  const load = (bytes: Uint8Array, target: string, more: Partial<LoadRequest> = {}) =>
    loadSqlite({
      target: fileAddress('sqlite', target),
      tools: localTools({ environment: {} }),
      clock: systemClock,
      random: systemRandom,
      wait: 1000,
      format: 'sqlite',
      dump: (async function* () {
        yield bytes.subarray(0, 5000);
        yield bytes.subarray(5000);
      })(),
      create: false,
      clean: false,
      scratch: false,
      owners: true,
      arguments: [],
      temporaryDirectory: directory.path,
      ...more,
    });
  const make = (name: string, mode: string): string => {
    const file = of(name);
    using database = new DatabaseSync(file);
    database.exec(`PRAGMA journal_mode = ${mode}; PRAGMA page_size = 4096;
      CREATE TABLE a_left(amount); CREATE TABLE "m ""filler"(t TEXT); CREATE TABLE z_right(amount);`);
    const insert = database.prepare('INSERT INTO "m ""filler" VALUES (hex(zeroblob(?)))');
    database.exec('BEGIN');
    for (let index = 0; index < 8000; index++) insert.run(300 + (index % 50));
    database.exec('COMMIT');
    return file;
  };

  for (const mode of ['wal', 'delete']) {
    test(`journal mode ${mode}: a copy of a database that is written to is as of one moment`, async () => {
      const file = make(`busy-${mode}.db`, mode);
      const stop = new SharedArrayBuffer(8);
      const worker = new Worker(writer, { eval: true, workerData: { file, stop } });
      const said: unknown[] = [];
      const { promise: begun, resolve } = Promise.withResolvers<void>();
      worker.on('message', (message) => (said.push(message), resolve()));
      await begun;
      const copies: Buffer[] = [];
      try {
        for (let index = 0; index < 3; index++) copies.push(await dumpOf(file));
      } finally {
        Atomics.store(new Int32Array(stop), 0, 1);
        await new Promise((end) => worker.once('exit', end));
      }
      assert.ok(Number(said[1]) > 3, 'the writer went on');
      for (const [index, bytes] of copies.entries()) {
        const copy = of(`copy-${mode}-${index}.db`);
        await load(bytes, copy);
        using database = new DatabaseSync(copy, { readOnly: true });
        const sum = (table: string): number =>
          Number(
            database.prepare(`SELECT coalesce(sum(amount), 0) AS s FROM ${table}`).get()?.['s'],
          );
        assert.equal(sum('a_left') + sum('z_right'), 0);
      }
      assert.ok(!(await readdir(directory.path)).some((name) => name.startsWith('holdfast-')));
    });
  }

  test('a scratch copy tells what is in it', async () => {
    const bytes = await dumpOf(make('count.db', 'delete'));
    const { tables } = await load(bytes, '', { scratch: true });
    assert.deepEqual(tables, [
      { name: 'a_left', rows: 0 },
      { name: 'm "filler', rows: 8000 },
      { name: 'z_right', rows: 0 },
    ]);
  });

  test('what is damaged or no database is not copied', async () => {
    const bad = make('bad.db', 'delete');
    const bytes = await readFile(bad);
    // The links of a tree of pages.
    bytes.fill(0xee, 8192, 8192 + 4096);
    await writeFile(bad, bytes);
    await assert.rejects(dumpOf(bad), { code: 'database/failed', message: /is damaged/u });
    await writeFile(
      of('text.db'),
      'no database at all, but long enough to have a header '.repeat(10),
    );
    await assert.rejects(dumpOf(of('text.db')), { code: 'database/failed' });
    await assert.rejects(dumpOf(of('gone.db')), { code: 'source/missing' });
    assert.ok(!(await readdir(directory.path)).includes('gone.db'), 'looking makes no database');
  });

  test('one that somebody keeps locked is waited for, but not for ever', async () => {
    const file = make('locked.db', 'delete');
    using other = new DatabaseSync(file);
    other.exec('BEGIN EXCLUSIVE');
    await assert.rejects(sqliteDumps({ ...request(file), wait: 50 }), {
      code: 'database/unavailable',
    });
  });

  test('the old database is replaced on demand, when nobody uses it, and never by half', async () => {
    const good = await dumpOf(make('good.db', 'wal'));
    const target = make('target.db', 'wal');
    const old = await readFile(target);
    await assert.rejects(load(good, target), {
      code: 'target/refused',
      message: /is there already/u,
    });
    await assert.rejects(load(good.subarray(0, good.length - 4096), target, { clean: true }), {
      code: 'database/failed',
      message: /is not complete/u,
    });
    assert.deepEqual(await readFile(target), old);
    {
      using user = new DatabaseSync(target);
      user.exec('BEGIN IMMEDIATE; INSERT INTO a_left VALUES (1)');
      await assert.rejects(load(good, target, { clean: true }), {
        code: 'target/refused',
        message: /is in use/u,
      });
    }
    // What the old one had not brought into its file yet would be read as part of the new one.
    await copyFile(target, `${target}-wal`);
    await load(good, target, { clean: true });
    assert.deepEqual(await readFile(target), good);
    const left = (await readdir(directory.path)).filter((name) =>
      /target\.db.|unfinished/u.test(name),
    );
    assert.deepEqual(left, []);
  });
});
