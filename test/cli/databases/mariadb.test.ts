import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { mariadbPrograms, type MariadbServer, startMariadb } from '../../servers/mariadb.ts';
import { missingPrograms } from '../../servers/required-programs.ts';
import { type OwnMachine, ownMachine } from '../own-machine.ts';

const weird = 'we`ird \'%s" /\\ né';

/** As for PostgreSQL: what is in `a_left` and in `z_right` together is always nothing. */
const tables = String.raw`
  CREATE TABLE a_left(id int AUTO_INCREMENT PRIMARY KEY, amount int);
  CREATE TABLE m_filler(id int PRIMARY KEY, content varchar(100), raw varbinary(40)) AS SELECT seq AS id, CONCAT(MD5(seq), '\t\\\n') AS content, UNHEX(SHA1(seq)) AS raw FROM seq_1_to_20000;
  CREATE TABLE z_right(id int AUTO_INCREMENT PRIMARY KEY, amount int);
  CREATE TABLE control(stop int); INSERT INTO control VALUES (0);
  CREATE TABLE seen(moves int);
  CREATE VIEW totals AS SELECT (SELECT SUM(amount) FROM a_left) AS l, (SELECT SUM(amount) FROM z_right) AS r;
  CREATE TRIGGER after_move AFTER UPDATE ON control FOR EACH ROW INSERT INTO seen VALUES (1);
  CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM seen;
  DELIMITER $$
  CREATE PROCEDURE transfer() BEGIN
    DECLARE done INT DEFAULT 0;
    WHILE done = 0 DO
      START TRANSACTION;
      INSERT INTO a_left(amount) VALUES (7);
      INSERT INTO z_right(amount) VALUES (-7);
      COMMIT;
      DO SLEEP(0.0005);
      SELECT stop INTO done FROM control;
    END WHILE;
  END$$
  DELIMITER ;
`;

describe('databases of MariaDB', { skip: missingPrograms(mariadbPrograms) }, () => {
  let server: MariadbServer;
  let machine: OwnMachine;
  let repository: string;
  let all: string;

  before(async () => {
    server = await startMariadb();
    machine = await ownMachine();
    repository = machine.of('repository');
    all = server.url().replace(/\/$/u, '');
    await server.query(
      `CREATE DATABASE app CHARACTER SET latin1 COLLATE latin1_german2_ci; CREATE DATABASE \`${weird.replaceAll('`', '``')}\`; CREATE DATABASE test_one`,
    );
    await server.query(tables, 'app');
  });
  after(async () => {
    await machine?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const labels = async (place: string): Promise<unknown[]> => {
    const { stdout } = await machine.run('snapshots', place, '--json');
    return stdout.records.flatMap(({ paths }) => paths as string[]).toSorted();
  };
  /** Tables with their checksums, routines, triggers, events and properties. */
  const stateOf = async (database: string): Promise<string> => {
    const names = (await server.query('SHOW TABLES', database)).split('\n');
    const checksums = await server.query(
      `CHECKSUM TABLE ${names.filter((name) => name !== 'totals').join(', ')}`,
      database,
    );
    const others = await server.query(
      `SHOW CREATE PROCEDURE transfer; SHOW CREATE EVENT nightly; SHOW CREATE TABLE m_filler; SHOW TRIGGERS; SHOW CREATE DATABASE ${database}; SELECT * FROM totals`,
      database,
    );
    return (
      `${checksums}\n${others}`
        .replaceAll(`\`${database}\``, '`app`')
        .replaceAll(`${database}.`, 'app.')
        .replaceAll(`${database}\t`, 'app\t')
        // When a trigger was made.
        .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?/gu, 'then')
    );
  };

  test('a dump of a database that is written to is as of one moment; it comes back the same', async () => {
    const writing = server.query('CALL transfer()', 'app');
    const kept = await machine.run('backup', server.url('app'), repository);
    await server.query('UPDATE control SET stop = 1', 'app');
    await writing;
    assert.equal(kept.status, 0, kept.stderr.text);
    const loaded = await machine.run(
      'restore-database',
      repository,
      '--to',
      server.url('copy'),
      '--create',
    );
    assert.equal(loaded.status, 0, loaded.stderr.text);
    assert.equal(await server.query('SELECT l + r FROM totals', 'copy'), '0');
    assert.notEqual(await server.query('SELECT COUNT(*) FROM a_left', 'copy'), '0');

    await machine.run('backup', server.url('app'), repository);
    const whole = await stateOf('app');
    const full = await machine.run('restore-database', repository, '--to', server.url('copy'));
    assert.equal(full.status, 1);
    assert.match(full.stderr.text, /The database "copy" on ".*" is not empty/u);
    const again = await machine.run(
      'restore-database',
      repository,
      '--to',
      server.url('copy'),
      '--clean',
    );
    assert.equal(again.status, 0, again.stderr.text);
    assert.equal(await stateOf('copy'), whole);
    await server.query('DROP DATABASE app');
    const back = await machine.run(
      'restore-database',
      repository,
      '--to',
      server.url('app'),
      '--create',
    );
    assert.equal(back.status, 0, back.stderr.text);
    assert.equal(await stateOf('app'), whole);
  });

  test('all databases of a server but those of the system, and a scratch database', async () => {
    const place = machine.of('all');
    await server.query('CREATE TABLE unsteady(a int) ENGINE=MyISAM', 'test_one');
    const ran = await machine.run('backup', all, place, '--database-exclude', '^copy');
    assert.equal(ran.status, 0, ran.stderr.text);
    assert.match(ran.stderr.text, /"test_one" has 1 table without transactions/u);
    assert.ok(!`${ran.stdout.text}${ran.stderr.text}`.includes('s3cret'));
    const prefix = `mariadb/127.0.0.1:${server.port}`;
    const odd = `${prefix}/${weird.replaceAll('%', '%25').replaceAll('/', '%2F')}.sql`;
    assert.deepEqual(await labels(place), [`${prefix}/app.sql`, `${prefix}/test_one.sql`, odd]);
    const tried = await machine.run(
      'restore-database',
      place,
      'app.sql',
      '--to',
      all,
      '--scratch',
      '--json',
    );
    assert.equal(tried.status, 0, tried.stderr.text);
    const found = tried.stdout.records.filter(({ type }) => type === 'table');
    assert.deepEqual(
      found.map(({ name }) => name),
      ['a_left', 'control', 'm_filler', 'seen', 'z_right'],
    );
    assert.equal(found[2]?.['rows'], 20_000);
    assert.doesNotMatch(await server.query('SHOW DATABASES'), /scratch/u);
    const empty = await machine.run(
      'restore-database',
      place,
      odd,
      '--to',
      server.url(`${weird}2`),
      '--create',
    );
    assert.equal(empty.status, 0, empty.stderr.text);
    assert.match(await server.query('SHOW DATABASES'), /né2/u);
    await server.query(`DROP DATABASE \`${weird.replaceAll('`', '``')}2\``);
  });

  test('a socket', async () => {
    const place = machine.of('socket');
    const url = `mariadb://root@/app?socket=${encodeURIComponent(server.socket)}`;
    const ran = await machine.run('backup', url, place, '--database-name', 'shop');
    assert.equal(ran.status, 0, ran.stderr.text);
    assert.deepEqual(await labels(place), ['shop.sql']);
  });

  test('a dump that does not load leaves nothing', async () => {
    const place = machine.of('broken');
    const bad = [
      '-- MariaDB dump 10.19',
      '',
      'CREATE TABLE good(id int);',
      'CREATE TABEL bad();',
      '-- Dump completed',
      '',
    ];
    // It would run a program where it is loaded.
    const evil = [
      '-- MariaDB dump 10.19',
      `\\! touch ${machine.of('touched')}`,
      '-- Dump completed',
      '',
    ];
    await machine.write({
      'bad.sql': bad.join('\n'),
      'cut.sql': bad.slice(0, 3).join('\n'),
      'evil.sql': evil.join('\n'),
    });
    await machine.run('backup', machine.of('source'), place);
    await server.query('CREATE DATABASE empty');
    const present = await server.query('SHOW DATABASES');
    for (const [file, targets, message] of [
      ['bad.sql', 3, /failed: "mariadb" ended with status 1: .*ERROR 1064/su],
      ['cut.sql', 2, /The dump is not complete: its end is missing/u],
      ['evil.sql', 1, /failed: "mariadb" ended with status 1/u],
      ['gone.sql', 1, /gone\.sql/u],
    ] as const) {
      for (const target of [
        [server.url('empty')],
        [server.url('fresh'), '--create'],
        [all, '--scratch'],
      ].slice(0, targets)) {
        const ran = await machine.run(
          'restore-database',
          place,
          `latest:${file}`,
          '--to',
          ...target,
        );
        assert.notEqual(ran.status, 0, `${file} ${target.join(' ')}`);
        assert.match(ran.stderr.text, message);
      }
    }
    assert.equal(await server.query('SHOW DATABASES'), present);
    assert.equal(await server.query('SHOW TABLES', 'empty'), '');
    assert.ok(!(await readdir(machine.path)).includes('touched'));
  });

  test('an older client, which does not know the sandbox line of a dump, loads it too', async () => {
    const tools = machine.of('old-tools');
    await mkdir(tools);
    // It says nothing of a sandbox, and ends with an error at a line that it does not know.
    await writeFile(
      `${tools}/mariadb`,
      `#!/bin/sh
echo "$*" >>'${machine.of('calls')}'
case "$*" in
  *--help*) /usr/bin/mariadb "$@" | grep -v sandbox;;
  *--max-allowed-packet*) input=$(cat); case "$input" in *M!999999*) echo "Unknown command '\\-'" >&2; exit 1;; esac; printf '%s\\n' "$input" | /usr/bin/mariadb "$@";;
  *) exec /usr/bin/mariadb "$@";;
esac
`,
    );
    await chmod(`${tools}/mariadb`, 0o755);
    const dump = await machine.run('cat', repository, 'latest:app.sql');
    assert.match(dump.stdout.text, /^\/\*M!999999/u, 'this dump begins with such a line');
    const ran = await machine.run(
      'restore-database',
      repository,
      '--to',
      all,
      '--scratch',
      '--database-tools',
      tools,
    );
    assert.equal(ran.status, 0, ran.stderr.text);
    const called = await readFile(machine.of('calls'), 'utf8');
    assert.match(called, /--user=backup/u);
    assert.ok(!called.includes('s3cret'), 'no password where every user of the machine sees it');
  });

  test('what cannot be dumped makes no snapshot', async () => {
    const place = machine.of('none');
    const wrong = `mariadb://backup:wr%C3%B6ng@127.0.0.1:${server.port}/app`;
    for (const [argv, status, message] of [
      [[wrong], 1, /Cannot connect to .* ERROR 1045 \(28000\): Access denied/u],
      [[server.url('gone')], 1, /There is no database "gone"/u],
      [[all, '--database-include', 'nothing'], 1, /No database of the server .* is wanted/u],
      [
        [all, '--database-format', 'plain'],
        2,
        /"--database-format" means nothing for "mariadb:\/\/"/u,
      ],
      [[`${all}?sokcet=x`], 2, /has no parameter "sokcet"/u],
      [
        ['mariadb://127.0.0.1:1/app', '--database-wait', '1s'],
        1,
        /"127.0.0.1:1" did not answer within 1 s/u,
      ],
    ] as const) {
      const [url, ...flags] = argv;
      const ran = await machine.run('backup', url, place, ...flags);
      assert.equal(ran.status, status, ran.stderr.text);
      assert.match(ran.stderr.text, message);
      assert.ok(!ran.stderr.text.includes('wröng'));
      await assert.rejects(readdir(place));
    }
  });

  test('a server that is killed during the dump leaves no snapshot', async () => {
    const place = machine.of('killed');
    const locked = server
      .query('LOCK TABLES m_filler WRITE; SELECT SLEEP(60)', 'app')
      .catch(() => '');
    const waiting =
      "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table%'";
    const dumped = machine.run('backup', server.url('app'), place);
    for (;;) {
      if ((await server.query(waiting)) !== '0') break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await server.kill();
    const { status, stderr } = await dumped;
    await locked;
    assert.equal(status, 1);
    assert.match(stderr.text, /The dump of "app" failed: "mariadb-dump" ended with status \d/u);
    assert.deepEqual(await labels(place), []);
  });
});
