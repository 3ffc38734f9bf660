import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { PostgresServer } from '../../servers/postgres.ts';

const run = promisify(execFile);

/**
 * Fills a database with tables between which `CALL transfer()` moves amounts, each move in a transaction of its own, until `control` says to stop: what is in
 * `a_left` and in `z_right` together is always nothing. What lies between them takes a while to be dumped.
 */
export async function fillWithTransfers(server: PostgresServer, database: string): Promise<void> {
  await server.query(
    `CREATE TABLE a_left(id serial PRIMARY KEY, amount int);
     CREATE TABLE m_filler AS SELECT g AS id, md5(g::text) || md5((-g)::text) AS "te""xt\ttab" FROM generate_series(1, 20000) g;
     CREATE INDEX ON m_filler(id);
     CREATE TABLE z_right(id serial PRIMARY KEY, amount int);
     CREATE TABLE control(stop boolean); INSERT INTO control VALUES (false);
     CREATE SCHEMA odd; CREATE TABLE odd.log(number bigserial, note text, at timestamptz DEFAULT now());
     CREATE VIEW odd.totals AS SELECT (SELECT sum(amount) FROM a_left) AS l, (SELECT sum(amount) FROM z_right) AS r;
     COMMENT ON VIEW odd.totals IS 'it''s "always" \\ nothing';
     SELECT lo_from_bytea(4711, 'a large object');
     CREATE PROCEDURE transfer() LANGUAGE plpgsql AS $body$
       BEGIN
         WHILE NOT (SELECT stop FROM control) LOOP
           INSERT INTO a_left(amount) VALUES (7);
           INSERT INTO odd.log(note) VALUES ('moved');
           INSERT INTO z_right(amount) VALUES (-7);
           COMMIT;
           PERFORM pg_sleep(0.0005);
         END LOOP;
       END
     $body$;`,
    database,
  );
  // So that there is something before the first backup.
  await server.query(
    "INSERT INTO a_left(amount) VALUES (1); INSERT INTO z_right(amount) VALUES (-1); INSERT INTO odd.log(note) VALUES ('first')",
    database,
  );
}

/** What is on either side, and how many moves there were. */
export async function transfersOf(
  server: PostgresServer,
  database: string,
): Promise<[left: number, right: number, moves: number]> {
  const text = await server.query(
    'SELECT coalesce(l, 0), coalesce(r, 0), (SELECT count(*) FROM odd.log) FROM odd.totals',
    database,
  );
  const [left = NaN, right = NaN, moves = NaN] = text.split('|').map(Number);
  return [left, right, moves];
}

/** All of a database as text, by its own tool. */
export async function dumpText(server: PostgresServer, database: string): Promise<string> {
  const { stdout } = await run(
    'pg_dump',
    ['-h', '127.0.0.1', '-p', String(server.port), '-U', server.user, database],
    {
      env: { ...process.env, PGPASSWORD: server.password },
      maxBuffer: 1 << 28,
    },
  );
  // A new word each time.
  return stdout.replaceAll(/^\\(?:un)?restrict .*$/gmu, '');
}
