import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { missingPrograms } from '../../servers/required-programs.ts';
import { postgresPrograms, type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { type OwnMachine, ownMachine } from '../own-machine.ts';
import { dumpText, fillWithTransfers, transfersOf } from './postgresql-transfers.ts';

const weird = `we"ird '%s /\\ né 🐘`;

describe(
  'databases of PostgreSQL',
  { skip: missingPrograms([...postgresPrograms, 'pg_dump']) },
  () => {
    let server: PostgresServer;
    let machine: OwnMachine;
    let repository: string;
    /** The server without a database. */
    let all: string;

    before(async () => {
      server = await startPostgres();
      machine = await ownMachine();
      repository = machine.of('repository');
      all = server.url('');
      await server.createDatabase('app');
      await fillWithTransfers(server, 'app');
      await server.query(`CREATE DATABASE "${weird.replaceAll('"', '""')}"`);
      await server.createDatabase('test_one');
      await server.query(`CREATE ROLE "o'ne ""role" LOGIN PASSWORD 'x'; CREATE ROLE reader`);
    });
    after(async () => {
      await machine?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    });

    const labels = async (place: string): Promise<unknown[]> => {
      const { stdout } = await machine.run('snapshots', place, '--json');
      return stdout.records.flatMap(({ paths }) => paths as string[]).toSorted();
    };
    const databases = async (): Promise<string[]> =>
      (await server.query('SELECT datname FROM pg_database ORDER BY 1')).split('\n');

    for (const [format, name] of [
      ['custom', 'app.dump'],
      ['plain', 'app.sql'],
      ['directory', 'app.tar'],
    ] as const) {
      test(`${format}: a dump of a database that is written to is as of one moment; it comes back the same`, async () => {
        const writing = server.query('CALL transfer()', 'app');
        const kept = await machine.run(
          'backup',
          server.url('app'),
          repository,
          '--database-format',
          format,
        );
        await server.query('UPDATE control SET stop = true', 'app');
        await writing;
        assert.equal(kept.status, 0, kept.stderr.text);
        await server.query('UPDATE control SET stop = false', 'app');
        const copy = `copy_${format}`;
        const loaded = await machine.run(
          'restore-database',
          repository,
          name,
          '--to',
          server.url(copy),
          '--create',
        );
        assert.equal(loaded.status, 0, loaded.stderr.text);
        const [left, right, count] = await transfersOf(server, copy);
        assert.equal(left + right, 0, 'the two tables are of one moment');
        assert.ok(count > 0, 'it was written to before');
        // Once more without anybody writing, to compare every letter.
        await machine.run('backup', server.url('app'), repository, '--database-format', format);
        const whole = await dumpText(server, 'app');
        const again = await machine.run(
          'restore-database',
          repository,
          name,
          '--to',
          server.url(copy),
          '--clean',
        );
        assert.equal(again.status, 0, again.stderr.text);
        assert.equal(await dumpText(server, copy), whole);
        if (format === 'custom') {
          const full = await machine.run(
            'restore-database',
            repository,
            name,
            '--to',
            server.url(copy),
          );
          assert.equal(full.status, 1);
          assert.match(full.stderr.text, /The database "copy_\w+" on ".*" is not empty/u);
        }
        await server.query(`DROP DATABASE ${copy}`);
      });
    }

    test('all databases of a server: a snapshot for each, and the roles', async () => {
      const place = machine.of('all');
      const { status, stdout, stderr } = await machine.run(
        'backup',
        all,
        place,
        '--database-exclude',
        '^test_',
        '--json',
      );
      assert.equal(status, 0, stderr.text);
      const server_ = `postgresql/127.0.0.1:${server.port}`;
      const expected = [
        `${server_}/app.dump`,
        `${server_}/globals.sql`,
        `${server_}/${weird.replaceAll('%', '%25').replaceAll('/', '%2F')}.dump`,
      ];
      assert.deepEqual(await labels(place), expected.toSorted());
      const summaries = stdout.records.filter(({ type }) => type === 'summary');
      assert.deepEqual(new Set(summaries.map(({ source }) => source)), new Set(expected));
      assert.deepEqual(
        new Set(summaries.map(({ database }) => database)),
        new Set([undefined, 'app', weird]),
      );
      assert.ok(!JSON.stringify([stdout.text, stderr.text]).includes('s3cret'));

      // An empty database with a name of every kind is one as well, and comes back.
      const loaded = await machine.run(
        'restore-database',
        place,
        expected[2]!,
        '--to',
        server.url(`${weird}2`),
        '--create',
      );
      assert.equal(loaded.status, 0, loaded.stderr.text);
      assert.ok((await databases()).includes(`${weird}2`));
      await server.query(`DROP DATABASE "${weird.replaceAll('"', '""')}2"`);

      await server.query('DROP ROLE reader');
      const tried = await machine.run(
        'restore-database',
        place,
        'globals.sql',
        '--to',
        all,
        '--scratch',
        '--json',
      );
      assert.equal(tried.status, 0, tried.stderr.text);
      assert.equal(tried.stdout.records.at(-1)?.['rows'], 3);
      assert.equal(
        await server.query("SELECT count(*) FROM pg_roles WHERE rolname = 'reader'"),
        '0',
      );
      const globals = await machine.run('restore-database', place, 'globals.sql', '--to', all);
      assert.equal(globals.status, 0, globals.stderr.text);
      const roles = await server.query(
        "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1",
      );
      assert.equal(roles, `o'ne "role\npostgres\nreader`);

      const unclear = await machine.run('restore-database', place, '--to', all, '--scratch');
      assert.equal(unclear.status, 2);
      assert.match(unclear.stderr.text, /It is not clear which dump is meant: there are 3/u);
    });

    test('names, one format and no roles, by the environment alone', async () => {
      const place = machine.of('named');
      const ran = await machine.runWith(
        {
          environment: {
            ...machine.environment,
            HOLDFAST_DATABASE_SOURCE: `postgresql://postgres@127.0.0.1:${server.port}`,
            HOLDFAST_DATABASE_PASSWORD: server.password,
            HOLDFAST_DATABASE_NAME: 'shop',
            HOLDFAST_DATABASE_FORMAT: 'plain',
            HOLDFAST_DATABASE_GLOBALS: 'no',
            HOLDFAST_DATABASE_INCLUDE: '^(app|test_[[:alpha:]]+)$',
            HOLDFAST_DATABASE_ARGUMENT: '--no-owner\n--no-privileges',
            HOLDFAST_REPOSITORY: place,
          },
        },
        'backup',
      );
      assert.equal(ran.status, 0, ran.stderr.text);
      assert.deepEqual(await labels(place), ['shop/app.sql', 'shop/test_one.sql']);
      const { stdout } = await machine.run('cat', place, 'latest:test_one.sql');
      assert.doesNotMatch(stdout.text, /OWNER TO/u);
    });

    test('a socket; one database by name has no roles', async () => {
      const place = machine.of('socket');
      const url = `postgresql://postgres:${encodeURIComponent(server.password)}@/app?host=${encodeURIComponent(server.socketDirectory)}&port=${server.port}`;
      const ran = await machine.run('backup', url, place);
      assert.equal(ran.status, 0, ran.stderr.text);
      assert.deepEqual(await labels(place), ['postgresql/localhost/app.dump']);
    });

    test('a scratch database proves that a dump can be loaded, and goes', async () => {
      const kept = await machine.run('backup', server.url('app'), repository);
      assert.equal(kept.status, 0, kept.stderr.text);
      const present = await databases();
      const old = 'holdfast_scratch_1700000000_0123abcd';
      await server.createDatabase(old);
      const ran = await machine.run(
        'restore-database',
        repository,
        'app.dump',
        '--to',
        all,
        '--scratch',
        '--json',
      );
      assert.equal(ran.status, 0, ran.stderr.text);
      const [, , count] = await transfersOf(server, 'app');
      const tables = ran.stdout.records.filter(({ type }) => type === 'table');
      assert.deepEqual(
        tables.map(({ name }) => name),
        ['odd.log', 'public.a_left', 'public.control', 'public.m_filler', 'public.z_right'],
      );
      assert.equal(tables.find(({ name }) => name === 'odd.log')?.['rows'], count);
      const summary = ran.stdout.records.at(-1);
      assert.equal(summary?.['tables'], 5);
      assert.deepEqual(await databases(), present, 'also that of a program that died a day ago');
    });

    test('a dump that does not load leaves nothing, and what was there as it was', async () => {
      const place = machine.of('broken');
      const bad = [
        '-- PostgreSQL database dump',
        '',
        'CREATE TABLE good(id int);',
        'CREATE TABEL bad();',
        '-- PostgreSQL database dump complete',
        '',
      ];
      const cut = bad.slice(0, 3);
      await machine.write({
        'bad.sql': bad.join('\n'),
        'cut.sql': cut.join('\n'),
        'no.sql': 'SELECT 1;\n',
      });
      await machine.run('backup', machine.of('source'), place);
      await server.createDatabase('empty');
      await server.createDatabase('full');
      await server.query('CREATE TABLE old(id int)', 'full');
      const present = await databases();
      const load = async (file: string, ...more: string[]) =>
        machine.run('restore-database', place, `latest:${file}`, '--to', ...more);
      for (const [file, targets, message] of [
        ['bad.sql', 4, /failed: "psql" ended with status 3: .*syntax error/su],
        ['cut.sql', 2, /The dump is not complete: its end is missing/u],
        ['no.sql', 1, /"no.sql" is no dump of a database/u],
        ['gone.sql', 1, /gone\.sql/u],
      ] as const) {
        for (const target of [
          [server.url('empty')],
          [server.url('full'), '--clean'],
          [server.url('fresh'), '--create'],
          [all, '--scratch'],
        ].slice(0, targets)) {
          const ran = await load(file, ...target);
          assert.notEqual(ran.status, 0, `${file} ${target.join(' ')}`);
          assert.match(ran.stderr.text, message);
        }
      }
      assert.deepEqual(await databases(), present);
      assert.equal(
        await server.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", 'empty'),
        '0',
      );
      assert.equal(await server.query('SELECT count(*) FROM old', 'full'), '0');
    });

    test('a dump in the custom format that broke off does not load; a database in use is not replaced', async () => {
      const file = machine.of('app.dump');
      await promisify(execFile)('pg_dump', ['-Fc', '-Z0', '-f', file, server.url('app')]);
      const whole = await readFile(file);
      await mkdir(machine.of('cut'));
      await writeFile(machine.of('cut/cut.dump'), whole.subarray(0, whole.length - 100));
      const place = machine.of('cut-repository');
      await machine.run('backup', machine.of('cut'), place);
      await server.createDatabase('used');
      await server.query('CREATE TABLE old(id int)', 'used');
      const present = await databases();
      const cut = await machine.run(
        'restore-database',
        place,
        'latest:cut.dump',
        '--to',
        server.url('used'),
        '--clean',
      );
      assert.equal(cut.status, 1);
      assert.match(cut.stderr.text, /"pg_restore" ended with status 1/u);

      const session = server.query('SELECT pg_sleep(60)', 'used').catch(() => '');
      const active = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'used'";
      while ((await server.query(active)) === '0')
        await new Promise((resolve) => setTimeout(resolve, 20));
      const used = await machine.run(
        'restore-database',
        repository,
        'app.dump',
        '--to',
        server.url('used'),
        '--clean',
      );
      assert.equal(used.status, 1);
      assert.match(
        used.stderr.text,
        /Replacing the database "used" \(nobody may be connected to it\) failed/u,
      );
      await server.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'used'",
      );
      await session;
      assert.equal(await server.query('SELECT count(*) FROM old', 'used'), '0');
      assert.deepEqual(await databases(), present);
    });

    test('what cannot be dumped makes no snapshot, and no repository', async () => {
      const place = machine.of('none');
      const wrong = `postgresql://postgres:wr%C3%B6ng@127.0.0.1:${server.port}/app`;
      for (const [argv, status, message] of [
        [[wrong], 1, /Cannot connect to "app" on .* password authentication failed/u],
        [[server.url('gone')], 1, /database "gone" does not exist/u],
        [[all, '--database-include', 'nothing'], 1, /No database of the server .* is wanted/u],
        [[all, '--database-include', '('], 2, /"\(" is not an extended regular expression/u],
        [[server.url('app'), '--database-include', 'a'], 2, /names the database "app"/u],
        [[server.url('app'), machine.path], 2, /cannot be in one snapshot/u],
        [
          ['postgresql://127.0.0.1:1/app', '--database-wait', '1s'],
          1,
          /"127.0.0.1:1" did not answer within 1 s/u,
        ],
      ] as const) {
        const ran = await machine.run(
          'backup',
          ...argv.slice(0, 1),
          ...(argv[1] === machine.path ? [machine.path] : []),
          place,
          ...argv.slice(argv[1] === machine.path ? 2 : 1),
        );
        assert.equal(ran.status, status, ran.stderr.text);
        assert.match(ran.stderr.text, message);
        assert.ok(!ran.stderr.text.includes('wröng'));
        await assert.rejects(readdir(place));
      }
    });

    test('one database that fails has no snapshot; the others have', async () => {
      const place = machine.of('partly');
      const tools = machine.of('tools');
      await mkdir(tools);
      // It says that all went well although its output breaks off.
      const calls = machine.of('calls');
      const script = `#!/bin/sh
echo "$*" >>'${calls}'
case "$*" in
  *--version*) echo "pg_dump (PostgreSQL) 15.1";;
  */test_one*) printf -- '--\\n-- PostgreSQL database dump\\n--\\n\\nCREATE';;
  */app*) echo "out of memory for ${server.password}" >&2; exit 1;;
  *) exec /usr/lib/postgresql/15/bin/pg_dump "$@";;
esac
`;
      await writeFile(`${tools}/pg_dump`, script);
      await writeFile(`${tools}/psql`, '#!/bin/sh\nexec /usr/lib/postgresql/15/bin/psql "$@"\n');
      await Promise.all(['pg_dump', 'psql'].map((name) => chmod(`${tools}/${name}`, 0o755)));
      const ran = await machine.run(
        'backup',
        all,
        place,
        '--database-tools',
        tools,
        '--database-format',
        'plain',
        '--database-globals=no',
        '--json',
      );
      assert.equal(ran.status, 1);
      const problems = ran.stdout.records.filter(({ type }) => type === 'problem');
      assert.deepEqual(
        problems.map(({ code, message }) => `${String(code)}: ${String(message)}`),
        [
          'database/failed: The dump of "app" failed: "pg_dump" ended with status 1: out of memory for [secret]',
          'database/failed: The dump of "test_one" is not complete: its end is missing',
        ],
      );
      const called = decodeURIComponent(await readFile(calls, 'utf8'));
      assert.match(called, /--dbname=postgresql:\/\/postgres@127/u);
      assert.ok(!called.includes('s3cret'), 'no password where every user of the machine sees it');
      const kept = await labels(place);
      assert.ok(
        kept.every((label) => !/app|test_one/u.test(String(label))),
        String(kept),
      );
      assert.ok(kept.length > 0);
    });

    test('an older client is refused, with both versions', async () => {
      const tools = machine.of('old-tools');
      await mkdir(tools);
      await writeFile(`${tools}/pg_dump`, '#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.24"\n');
      await writeFile(`${tools}/psql`, '#!/bin/sh\nexec /usr/lib/postgresql/15/bin/psql "$@"\n');
      await Promise.all(['pg_dump', 'psql'].map((name) => chmod(`${tools}/${name}`, 0o755)));
      const ran = await machine.run(
        'backup',
        server.url('app'),
        machine.of('none'),
        '--database-tools',
        tools,
      );
      assert.equal(ran.status, 1);
      assert.match(
        ran.stderr.text,
        /is PostgreSQL 15, but the newest "pg_dump" in ".*" is of version 9\.6/u,
      );
      assert.match(ran.stderr.text, /--database-container/u);
    });

    test("an archive of duplicity's holds no streams, and says so", async () => {
      const ran = await machine.run(
        'backup',
        server.url('app'),
        machine.of('archive'),
        '--format',
        'duplicity',
      );
      assert.equal(ran.status, 2);
      assert.match(ran.stderr.text, /The dump of a database cannot be stored in an archive/u);
    });

    test('a server that is killed during the dump leaves no snapshot', async () => {
      const place = machine.of('killed');
      // The dump waits for this lock, so that it is known to be under way.
      const locked = server
        .query('BEGIN; LOCK m_filler; SELECT pg_sleep(60)', 'app')
        .catch(() => '');
      const waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name <> 'psql' AND wait_event_type = 'Lock'";
      const dumped = machine.run('backup', server.url('app'), place);
      for (;;) {
        if ((await server.query(waiting)) !== '0') break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await server.kill();
      const { status, stderr } = await dumped;
      await locked;
      assert.equal(status, 1);
      assert.match(stderr.text, /The dump of "app" failed: "pg_dump" ended with status 1/u);
      assert.deepEqual(await labels(place), []);
    });
  },
);
