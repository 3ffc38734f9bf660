import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { noPodman, type PodmanServer, startPodman } from '../../servers/podman.ts';
import { postgresPrograms } from '../../servers/postgres.ts';
import { mariadbPrograms } from '../../servers/mariadb.ts';
import { missingPrograms } from '../../servers/required-programs.ts';
import { type OwnMachine, ownMachine } from '../own-machine.ts';

const programs = '/usr/lib/postgresql/15/bin';
/** Nobody reaches these servers but who is in the container: it has no network. */
const postgres = `set -e
mkdir /tmp/pg && chown postgres /tmp/pg && cd /tmp/pg
run() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
printf %s "$SECRET" >word; chown postgres word
run ${programs}/initdb -D data -U postgres --pwfile=word -A scram-sha-256 --locale=C.UTF-8 -E UTF8 --no-sync --wal-segsize=1
mkdir -p /var/run/postgresql && chown postgres /var/run/postgresql
exec setpriv --reuid=postgres --regid=postgres --init-groups ${programs}/postgres -D data -c fsync=off`;
const mariadb = `set -e
mariadb-install-db --no-defaults --datadir=/tmp/my --user=root --auth-root-authentication-method=normal --skip-test-db --innodb-flush-method=nosync --innodb-log-file-size=8M
mkdir -p /run/mysqld
exec mariadbd --no-defaults --user=root --datadir=/tmp/my --socket=/run/mysqld/mysqld.sock --skip-networking --innodb-flush-method=nosync --innodb-log-file-size=8M --innodb-use-native-aio=0`;

const missing = noPodman() || missingPrograms([...postgresPrograms, ...mariadbPrograms]);

describe('databases in containers', { skip: missing }, () => {
  let engine: PodmanServer;
  let machine: OwnMachine;
  const password = 'c0nt ainer/ä';
  const run = (...argv: string[]) => runWith(password, ...argv);
  const runWith = (secret: string, ...argv: string[]) =>
    machine.runWith(
      {
        environment: {
          ...machine.environment,
          // None of this machine are used.
          PATH: '/nowhere',
          DOCKER_HOST: engine.address,
          HOLDFAST_DATABASE_PASSWORD: secret,
        },
      },
      ...argv,
    );
  before(async () => {
    machine = await ownMachine();
    engine = await startPodman();
    await Promise.all([
      engine.run({
        name: 'pg',
        command: ['sh', '-c', postgres],
        environment: { SECRET: password },
      }),
      engine.run({ name: 'my', command: ['sh', '-c', mariadb] }),
    ]);
  });
  after(async () => {
    await machine?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  test('PostgreSQL: the tools run beside the server, which has no network', async () => {
    const url = 'postgresql://postgres@/app';
    const inside = ['--database-container', 'pg', '--database-wait', '60s'];
    await machine.write({
      'app.sql':
        '-- PostgreSQL database dump\nCREATE TABLE t AS SELECT g FROM generate_series(1, 50000) g;\n-- PostgreSQL database dump complete\n',
    });
    const repository = machine.of('repository');
    await machine.run('backup', machine.of('source'), repository);
    const filled = await run(
      'restore-database',
      repository,
      'latest:app.sql',
      '--to',
      url,
      '--create',
      ...inside,
    );
    assert.equal(filled.status, 0, filled.stderr.text);
    for (const format of ['custom', 'directory']) {
      const place = machine.of(format);
      const kept = await run('backup', url, place, '--database-format', format, ...inside);
      assert.equal(kept.status, 0, kept.stderr.text);
      const tried = await run(
        'restore-database',
        place,
        '--to',
        'postgresql://postgres@',
        '--scratch',
        '--json',
        ...inside,
      );
      assert.equal(tried.status, 0, tried.stderr.text);
      assert.equal(tried.stdout.records.at(-1)?.['rows'], 50_000);
    }
    const { stdout } = await machine.run('snapshots', machine.of('custom'), '--json');
    assert.deepEqual(stdout.records[0]?.['paths'], ['postgresql/pg/app.dump']);
  });

  test('MariaDB', async () => {
    const inside = ['--database-container', 'my', '--database-wait', '60s'];
    await machine.write({
      'my.sql':
        '-- MariaDB dump 10.19\nCREATE TABLE t AS SELECT seq FROM seq_1_to_30000;\n-- Dump completed\n',
    });
    const repository = machine.of('repository');
    await machine.run('backup', machine.of('source'), repository);
    const filled = await runWith(
      '',
      'restore-database',
      repository,
      'latest:my.sql',
      '--to',
      'mariadb://root@/app',
      '--create',
      ...inside,
    );
    assert.equal(filled.status, 0, filled.stderr.text);
    const place = machine.of('mariadb');
    const kept = await runWith('', 'backup', 'mariadb://root@', place, ...inside);
    assert.equal(kept.status, 0, kept.stderr.text);
    const tried = await runWith(
      '',
      'restore-database',
      place,
      'app.sql',
      '--to',
      'mariadb://root@',
      '--scratch',
      '--json',
      ...inside,
    );
    assert.equal(tried.status, 0, tried.stderr.text);
    assert.equal(tried.stdout.records.at(-1)?.['rows'], 30_000);
  });

  test('a container that is not there, one without the tool, and tools of this machine', async () => {
    const place = machine.of('none');
    const gone = await run(
      'backup',
      'postgresql://postgres@/app',
      place,
      '--database-container',
      'gone',
    );
    assert.equal(gone.status, 1);
    assert.match(gone.stderr.text, /"gone"/u);
    const without = await run('backup', 'mongodb://localhost', place, '--database-container', 'pg');
    assert.equal(without.status, 1);
    assert.match(without.stderr.text, /There is no "mongodump" in the container "pg"/u);
    const both = await run(
      'backup',
      'postgresql://',
      place,
      '--database-container',
      'pg',
      '--database-tools',
      '/usr/bin',
    );
    assert.equal(both.status, 2);
  });
});
