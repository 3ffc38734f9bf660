import assert from 'node:assert/strict';
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { sampleKey } from '#test/contract/catalog-place.ts';
import {
  sampleConfiguration,
  sampleEnd,
  sampleEntry,
  sampleRun,
  sampleTime,
  sampleWorker,
} from '#test/support/catalog-samples.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { noSmallDisk, smallDisk } from '#test/support/small-disk.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../base/clock.ts';
import { hasCode } from '../../base/errors.ts';
import { openCatalog } from '../open-catalog.ts';
import type { OpenedCatalog } from '../opened-catalog.ts';

const open = (file: string): Promise<OpenedCatalog> =>
  openCatalog({ location: { file }, key: sampleKey, clock: new FakeClock() });

test('a catalog of version 1 is brought to the newest with all that is in it', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'catalog.sqlite');
  const fixture = new URL('../../../test/fixtures/catalog/version-1.sql', import.meta.url);
  const database = new DatabaseSync(file);
  database.exec(await readFile(fixture, 'utf8'));
  database.close();

  await using catalog = await open(file);
  const { configuration, schedules, runs, queue, outbox, journal, notes } = catalog;
  assert.deepEqual(
    await configuration.read(),
    sampleConfiguration(['documents'], { settings: { parallel: 3 } }),
  );
  assert.deepEqual((await schedules.list()).get('documents/backup/1'), {
    entry: 'documents/backup/1',
    consideredUntil: sampleTime + 60_000,
    skipNext: 0,
    lastQueued: sampleTime + 60_000,
  });
  const failed = (await runs.history('documents', 'backup'))?.lastFailure;
  assert.equal(failed?.reason, 'It failed');
  assert.equal((await runs.get(failed?.id ?? ''))?.steps[0]?.output, 'What it printed');
  assert.equal((await outbox.list())[0]?.report.id, 'report-1');
  assert.deepEqual((await journal.list())[0]?.data, { names: ['app'] });
  assert.equal(await notes.get('alarm/documents'), 'raised');
  const next = await queue.claim(sampleWorker('one'), sampleTime + 80_000);
  assert.equal(next?.activity, 'check');
});

test('one of a newer version is left alone', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'catalog.sqlite');
  await (await open(file))[Symbol.asyncDispose]();
  const database = new DatabaseSync(file);
  database.exec('insert into migrations values (1000, 0)');
  database.close();
  await assert.rejects(open(file), (error) => {
    assert.ok(hasCode(error, 'catalog/unusable'));
    assert.match(error.message, /is of version 1000, and this program knows versions up to \d+$/u);
    return true;
  });
});

test('files that are no catalog, damaged or out of reach are told apart', async () => {
  await using directory = await temporaryDirectory();
  const file = (name: string): string => path.join(directory.path, name);
  const refused = async (name: string, code: 'catalog/unusable' | 'catalog/unavailable') =>
    assert.rejects(open(file(name)), (error) => {
      assert.ok(hasCode(error, code), String(error));
      assert.ok(error.message.includes(`"${file(name)}"`), error.message);
      return true;
    });
  await writeFile(file('text'), 'This is not a database, but long enough to be taken for one.');
  await refused('text', 'catalog/unusable');
  assert.match(await readFile(file('text'), 'utf8'), /^This is not/u);
  await refused('text/catalog.sqlite', 'catalog/unavailable');
  await refused('.', 'catalog/unavailable');
  await (await open(file('torn')))[Symbol.asyncDispose]();
  await truncate(file('torn'), 6000);
  await refused('torn', 'catalog/unusable');
});

test('nobody else may read it, and secrets are not in its files', async () => {
  await using directory = await temporaryDirectory();
  const place = path.join(directory.path, 'state');
  const file = path.join(place, 'catalog.sqlite');
  await using catalog = await open(file);
  await catalog.configuration.replace(sampleConfiguration(['documents']), 'api');
  const files = await readdir(place);
  assert.ok(files.length >= 2);
  for (const name of files) {
    assert.equal((await stat(path.join(place, name))).mode & 0o777, 0o600, name);
    const bytes = await readFile(path.join(place, name));
    for (const secret of ['pass word', 'geheim', 'sftp://'])
      assert.equal(bytes.includes(secret), false, `${secret} in ${name}`);
  }
  assert.equal((await stat(place)).mode & 0o777, 0o700);
});

test('whoever finds it held by another process waits', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'catalog.sqlite');
  await using catalog = await open(file);
  const other = new DatabaseSync(file);
  other.exec('begin immediate');
  const writing = catalog.notes.set('a', 'b');
  // Longer than SQLite itself waits.
  await systemClock.sleep(120);
  assert.equal(await catalog.notes.get('a'), undefined);
  other.exec('commit');
  other.close();
  assert.equal(await writing, true);
  assert.equal(await catalog.notes.get('a'), 'b');
});

test('a run whose worker shows that it lives while it is judged is left to it', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'catalog.sqlite');
  await using catalog = await open(file);
  const { queue } = catalog;
  const { id } = await queue.add(sampleRun('a'), sampleTime);
  await queue.claim(sampleWorker('slow'), sampleTime);
  using other = new DatabaseSync(file);
  const judge = (): boolean => {
    other.prepare('update runs set lease_until = ? where id = ?').run(sampleTime + 90_000, id);
    return true;
  };
  assert.deepEqual(await queue.takeBroken(sampleWorker('next'), judge, sampleTime + 1), []);
  assert.equal((await queue.renew(id, 'slow', sampleTime + 2)).held, true);
});

test('with a full disk nothing is done by half, and all goes on when there is space again', async (context) => {
  await using disk = await smallDisk(2 * 1024 * 1024);
  if (disk === undefined) {
    context.skip(noSmallDisk);
    return;
  }
  const file = path.join(disk.path, 'catalog.sqlite');
  {
    await using catalog = await open(file);
    const { queue, runs, outbox } = catalog;
    const { id } = await queue.add(sampleRun('a'), sampleTime);
    await queue.claim(sampleWorker('one'), sampleTime);
    const long = { name: 's', kind: 'backup', startedAt: 0, output: 'x'.repeat(60_000) } as const;
    const finish = (steps: readonly (typeof long)[]): Promise<boolean> =>
      queue.finish(id, 'one', sampleEnd('failed', { steps }), sampleTime, [sampleEntry('r')]);
    await assert.rejects(finish(Array.from({ length: 60 }, () => long)), (error) => {
      assert.ok(hasCode(error, 'catalog/unavailable'), String(error));
      assert.equal(error.message, `There is no space left for the catalog "${file}"`);
      return true;
    });
    assert.equal((await runs.get(id))?.state, 'running');
    assert.deepEqual(await outbox.list(), []);
    assert.deepEqual(await runs.histories(), []);
    assert.equal(await finish([long]), true);
    assert.equal((await runs.history('a', 'backup'))?.failuresInARow, 1);
  }
  await using again = await open(file);
  assert.equal((await again.outbox.list()).length, 1);
});
