import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { sampleKey } from '#test/contract/catalog-place.ts';
import { type PostgresServer, postgresPrograms, startPostgres } from '#test/servers/postgres.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import {
  sampleConfiguration,
  sampleEnd,
  sampleEntry,
  sampleRun,
  sampleTime,
  sampleWorker,
} from '#test/support/catalog-samples.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../base/clock.ts';
import { hasCode } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { copyCatalog } from '../copy-catalog.ts';
import { type CatalogLocation, openCatalog } from '../open-catalog.ts';
import type { OpenedCatalog } from '../opened-catalog.ts';

const open = (location: CatalogLocation): Promise<OpenedCatalog> =>
  openCatalog({ location, key: sampleKey, clock: systemClock });

async function refused(url: string, sentence: RegExp): Promise<void> {
  await assert.rejects(open({ url: new Secret(url) }), (error) => {
    assert.ok(hasCode(error, 'catalog/unavailable'), String(error));
    assert.match(error.message, sentence);
    assert.doesNotMatch(error.message, /s3cret|:not it/u);
    return true;
  });
}

test('a URL that is none is refused without being shown', async () => {
  for (const url of ['postgresql://[geheim', 'http://geheim', 'geheim']) {
    await assert.rejects(open({ url: new Secret(url) }), (error) => {
      assert.ok(hasCode(error, 'input/invalid'), String(error));
      assert.doesNotMatch(error.message, /geheim/u);
      return true;
    });
  }
});

test('a server that is not there is one clear sentence', async () => {
  await refused(
    'postgresql://me:s3cret@127.0.0.1:1/x',
    /^The catalog "postgresql:\/\/me@127\.0\.0\.1:1\/x" cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:1$/u,
  );
  await refused('postgresql://localhost:1/x', /cannot be reached: connect ECONNREFUSED/u);
  await refused(
    'postgresql:///x?host=/nowhere',
    /"postgresql:\/\/\/nowhere\/x" cannot be reached/u,
  );
});

describe('a catalog in PostgreSQL', { skip: missingPrograms(postgresPrograms) }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server[Symbol.asyncDispose]());

  const database = async (): Promise<{ readonly name: string; readonly url: Secret }> => {
    const name = `t${randomUUID().slice(0, 8)}`;
    return { name, url: new Secret(await server.createDatabase(name)) };
  };

  test('says what is wrong with user, password and database', async () => {
    const at = `127.0.0.1:${server.port}`;
    await refused(`postgresql://postgres:not it@${at}/postgres`, /does not let the user in/u);
    await refused(server.url('nowhere'), /"postgresql:\/\/postgres@[^"]*\/nowhere" is not there$/u);
    await server.query("create role guest login password 'guest'");
    await refused(`postgresql://guest:guest@${at}/postgres`, /may not be used: permission denied/u);
  });

  test('is made by one of several that open it at once', async () => {
    const { url } = await database();
    const opened = await Promise.all([1, 2, 3].map(() => open({ url })));
    await Promise.all(
      opened.map(({ queue }, index) => queue.add(sampleRun(`job${index}`), sampleTime)),
    );
    assert.equal((await opened[0]!.runs.list({})).length, 3);
    await Promise.all(opened.map((catalog) => catalog[Symbol.asyncDispose]()));
  });

  test('lies beside the tables of others, without secrets in the clear', async () => {
    const { name, url } = await database();
    await server.query('create table jobs (theirs int); create table runs (theirs int)', name);
    await using catalog = await open({ url });
    await catalog.configuration.replace(sampleConfiguration(['a']), 'api');
    assert.equal(await server.query('select count(*) from runs', name), '0');
    const text = await server.query(
      "select encode(sealed, 'escape') from holdfast.documents",
      name,
    );
    assert.doesNotMatch(text, /geheim|pass word|sftp/u);
    assert.equal(catalog.location, `postgresql://postgres@127.0.0.1:${server.port}/${name}`);
  });

  test('pg-boss has a job for each run that waits or works, changed with it', async () => {
    const { name, url } = await database();
    await using catalog = await open({ url });
    const { queue, schedules } = catalog;
    const jobs = (): Promise<string> =>
      server.query(
        "select data->>'run', state, priority from holdfast_queue.job order by created_on, priority",
        name,
      );
    const worker = sampleWorker('one');
    const later = sampleTime + 5000;
    const { id: low } = await queue.add(sampleRun('low', { notBefore: later }), sampleTime);
    const { id: high } = await queue.add(sampleRun('high', { priority: 100 }), sampleTime);
    assert.equal(await jobs(), `${low}|created|0\n${high}|created|100`);
    assert.equal(
      await server
        .query(
          'select extract(epoch from start_after) * 1000 from holdfast_queue.job where priority = 0',
          name,
        )
        .then(Number),
      later,
    );
    assert.equal((await queue.claim(worker, sampleTime))?.id, high);
    assert.equal(await jobs(), `${low}|created|0\n${high}|active|2147483647`);
    await queue.postpone(high, worker.id, later, 'Not yet');
    assert.equal(await jobs(), `${low}|created|0\n${high}|created|100`);
    await queue.claim(worker, later);
    await queue.finish(high, worker.id, sampleEnd('succeeded'), later, []);
    await queue.cancel(low, later);
    assert.equal(await jobs(), '');
    // What cannot be done as a whole leaves no job either.
    await schedules.begin(['a/backup/1'], sampleTime);
    const state = (await schedules.list()).get('a/backup/1')!;
    await assert.rejects(
      schedules.claim(state, { ...state, skipNext: 1 }, sampleRun('a', { priority: 0.5 })),
    );
    assert.equal(await jobs(), '');
    assert.deepEqual((await schedules.list()).get('a/backup/1'), state);
  });

  test('claims runs whose job somebody has taken from pg-boss', async () => {
    const { name, url } = await database();
    await using catalog = await open({ url });
    const { id } = await catalog.queue.add(sampleRun('a'), sampleTime);
    await server.query('delete from holdfast_queue.job', name);
    assert.equal((await catalog.queue.claim(sampleWorker('one'), sampleTime))?.id, id);
    const end = sampleEnd('succeeded');
    assert.equal(await catalog.queue.finish(id, 'one', end, sampleTime, []), true);
  });

  test('is there again when its server is', async () => {
    await using own = await startPostgres();
    await using catalog = await open({ url: new Secret(own.url()) });
    await catalog.queue.waitForWork(1);
    const { id } = await catalog.queue.add(sampleRun('a'), sampleTime);
    const waiting = catalog.parts.database.bell.wait(3_600_000);
    await catalog.runs.list({});
    await own.kill();
    for (const attempt of [
      () => catalog.runs.list({}),
      () => catalog.queue.add(sampleRun('b'), sampleTime),
      () => catalog.queue.claim(sampleWorker('one'), sampleTime),
    ]) {
      await assert.rejects(attempt, (error) => hasCode(error, 'catalog/unavailable'));
    }
    await own.restart();
    assert.equal((await catalog.queue.claim(sampleWorker('one'), sampleTime))?.id, id);
    // The connection for waiting is made again as well, which counts as something that may have come.
    await waiting;
  });

  test('takes over what was in a file, and gives it back', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'catalog.sqlite');
    const { name, url } = await database();
    await using source = await open({ file });
    const configuration = sampleConfiguration(['a', 'b'], { settings: { parallel: 4 } });
    await source.configuration.replace(configuration, '/etc/x');
    await source.schedules.begin(['a/backup/1'], sampleTime);
    const { id } = await source.queue.add(sampleRun('a'), sampleTime);
    const worker = sampleWorker('one');
    await source.queue.claim(worker, sampleTime);
    await using target = await open({ url });
    await assert.rejects(copyCatalog(source, target), (error) => {
      assert.ok(hasCode(error, 'input/conflict'));
      assert.match(error.message, /^A run of "a" is under way/u);
      return true;
    });
    const steps = [{ name: 's', kind: 'backup', startedAt: 1, output: 'printed' }] as const;
    const end = sampleEnd('failed', { steps });
    await source.queue.finish(id, worker.id, end, sampleTime, [sampleEntry('r')]);
    const { id: waiting } = await source.queue.add(sampleRun('b', { priority: 7 }), sampleTime);
    await source.journal.add({ kind: 'k', run: id, host: 'h', data: { a: 1 } });
    await source.notes.set('n', 'v');

    const copied = await copyCatalog(source, target);
    assert.deepEqual(copied, {
      documents: 3,
      runs: 2,
      schedule_entries: 1,
      histories: 1,
      journal: 1,
      outbox: 1,
      notes: 1,
    });
    await assert.rejects(copyCatalog(source, target), (error) => hasCode(error, 'input/conflict'));
    await using back = await open({ file: path.join(directory.path, 'back.sqlite') });
    await copyCatalog(target, back);
    const contentOf = async (catalog: OpenedCatalog): Promise<unknown> => ({
      configuration: await catalog.configuration.read(),
      jobs: await catalog.configuration.jobs.list(),
      revision: await catalog.configuration.revision(),
      schedules: await catalog.schedules.list(),
      runs: await catalog.runs.list({}),
      histories: await catalog.runs.histories(),
      outbox: await catalog.outbox.list(),
      journal: await catalog.journal.list(),
      notes: await catalog.notes.list(''),
      info: await catalog.info(),
    });
    const expected = await contentOf(source);
    assert.deepEqual(await contentOf(target), expected);
    assert.deepEqual(await contentOf(back), expected);
    assert.equal(
      await server.query("select data->>'run', state from holdfast_queue.job", name),
      `${waiting}|created`,
    );
    for (const catalog of [target, back])
      assert.equal((await catalog.queue.claim(worker, sampleTime))?.id, waiting);
  });
});
