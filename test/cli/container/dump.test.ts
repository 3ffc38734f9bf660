import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { promisify } from 'node:util';

import { startPostgres } from '#test/servers/postgres.ts';
import { containerPlace } from './container-environment.ts';

const run = promisify(execFile);

it('the databases of PGHOST are dumped before the backup, complete or not at all', async () => {
  await using server = await startPostgres();
  const libpq = {
    PGHOST: '127.0.0.1',
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
  };
  const sql = (text: string, database = 'postgres') =>
    run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', text], {
      env: { ...process.env, ...libpq },
    });
  for (const name of ['shop', 'shop_test', 'wiki']) {
    await sql(`CREATE DATABASE ${name}`);
    await sql(
      "CREATE TABLE t AS SELECT i, 'row ' || i AS word FROM generate_series(1, 300) i",
      name,
    );
  }
  await using place = await containerPlace({ PASSPHRASE: 'some passphrase' });
  for (const name of ['data', 'target']) await mkdir(place.of(name));
  const environment = {
    ...libpq,
    SRC: place.of('data'),
    DST: `file://${place.of('target')}`,
    DBS_TO_INCLUDE: '^(shop|wiki)',
    DBS_TO_EXCLUDE: '_test$',
  };
  const ran = await place.run(['jobrunner', 'daily'], environment);
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  assert.deepEqual(await readdir(place.of('data')), ['shop.sql', 'wiki.sql']);
  const dump = await readFile(place.of('data/shop.sql'), 'utf8');
  assert.match(dump, /row 300\n/u);
  assert.match(dump, /PostgreSQL database dump complete/u);
  assert.ok(!/OWNER TO|GRANT/u.test(dump));
  // They are in the backup, and go back into a database.
  const restored = await place.run(
    ['image', 'dup', 'restore', '$DST', place.of('back')],
    environment,
  );
  assert.equal(restored.status, 0, restored.stderr);
  await sql('CREATE DATABASE again');
  await run(
    'psql',
    ['-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'again', '-f', place.of('back/wiki.sql')],
    {
      env: { ...process.env, ...libpq },
    },
  );
  assert.equal((await sql('SELECT count(*) FROM t', 'again')).stdout, '300\n');
  // A server that refuses is a failed job; what was there before stays, and the backup runs all the same.
  const failed = await place.run(['jobrunner', 'daily'], { ...environment, PGPASSWORD: 'wrong' });
  assert.equal(failed.status, 1);
  assert.match(failed.stdout, /password authentication failed/u);
  assert.match(failed.stdout, /200: holdfast image dump .* failed\n300: backup .* succeeded\n/u);
  assert.equal(await readFile(place.of('data/shop.sql'), 'utf8'), dump);
  const none = await place.run(['image', 'dump'], { ...environment, DBS_TO_INCLUDE: '^nothing$' });
  assert.equal(none.status, 1);
  assert.match(none.stderr, /No database of the server .* is wanted/u);
});
