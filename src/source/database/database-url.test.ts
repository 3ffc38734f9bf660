import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { Secret } from '../../base/secret.ts';
import {
  checkParameters,
  hostAndPort,
  isDatabaseUrl,
  parseDatabaseUrl,
  serverName,
  withPassword,
} from './database-url.ts';

test('URLs of databases are told from paths and destinations', () => {
  for (const text of [
    'postgresql://h/d',
    'postgres://',
    'mysql://u@h',
    'mongodb+srv://h',
    'rediss://h',
    'sqlite:///x',
    'postgersql://h',
  ]) {
    assert.ok(isDatabaseUrl(text), text);
  }
  for (const text of [
    '/srv',
    'postgresql:/h',
    's3://bucket',
    'b2://x',
    'sftp://h',
    'rest://h',
    'gs://b',
    'webdav://h',
    'smb://h',
    'rsync://h',
    'https://h',
    'file:///x',
    'toString://x',
    './mysql://x',
  ]) {
    assert.ok(!isDatabaseUrl(text), text);
  }
});

test('every part of a URL is read, whatever characters it has', () => {
  const text = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((value) => !value.includes('\0') && value.isWellFormed());
  fc.assert(
    fc.property(text, text, text, text, (user, password, database, value) => {
      const [u, p, d, v] = [user, password, database, value].map(encodeURIComponent);
      const address = parseDatabaseUrl(`postgresql://${u}:${p}@host:5433/${d}?sslrootcert=${v}`);
      assert.equal(address.user, user);
      assert.equal(address.password?.reveal(), password);
      assert.equal(address.database, database);
      assert.equal(address.server, 'host:5433');
      assert.deepEqual([...address.parameters], [['sslrootcert', value]]);
    }),
  );
});

test('parts that are left out, raw "@" and ":" in a password, several hosts, sockets', () => {
  const bare = parseDatabaseUrl('postgresql://');
  assert.deepEqual(
    [bare.user, bare.password, bare.server, bare.database],
    [undefined, undefined, '', undefined],
  );
  assert.equal(parseDatabaseUrl('mysql://u:a@b:c@h/d').password?.reveal(), 'a@b:c');
  assert.equal(parseDatabaseUrl('postgres://u@h1:1,h2:2/d').server, 'h1:1,h2:2');
  assert.equal(parseDatabaseUrl('postgresql://%2Frun%2Fpg/d').server, '/run/pg');
  assert.equal(serverName(parseDatabaseUrl('postgresql:///d?host=/run/postgresql')), 'localhost');
  assert.equal(serverName(parseDatabaseUrl('postgresql:///d?host=db.example')), 'db.example');
  const parameter = parseDatabaseUrl('postgresql:///d?password=s%23&user=x');
  assert.equal(parameter.password?.reveal(), 's#');
  assert.deepEqual([...parameter.parameters.keys()], ['user'], 'it is not handed on');
});

test('host and port', () => {
  const of = (text: string) => hostAndPort(parseDatabaseUrl(`redis://${text}`));
  assert.deepEqual(of('h'), { host: 'h', port: undefined });
  assert.deepEqual(of('h:1'), { host: 'h', port: '1' });
  assert.deepEqual(of('[::1]:1'), { host: '::1', port: '1' });
  assert.deepEqual(of(''), { host: undefined, port: undefined });
  assert.throws(() => of('a:b'), { code: 'input/usage' });
});

test('the file of SQLite is absolute with three slashes, relative with two', () => {
  assert.equal(parseDatabaseUrl('sqlite:///srv/a%20b.db').database, '/srv/a b.db');
  assert.equal(parseDatabaseUrl('sqlite://data/a.db').database, 'data/a.db');
  assert.equal(parseDatabaseUrl('sqlite://a.db').database, 'a.db');
  assert.throws(() => parseDatabaseUrl('sqlite://'), { code: 'input/usage' });
});

test('what is wrong is told without the password', () => {
  for (const [text, message] of [
    ['postgersql://u:s3cret@h/d', /There is no kind of database "postgersql"/u],
    ['postgresql://u:s3cret%zz@h/d', /The password in the URL of the database cannot be read/u],
    ['postgresql://u:s3cret@h/%00', /The name of the database in the URL/u],
    ['u:s3cret@h', /is no URL/u],
  ] as const) {
    assert.throws(
      () => parseDatabaseUrl(text),
      (error: Error) => message.test(error.message) && !error.message.includes('s3cret'),
      text,
    );
  }
  assert.throws(() => parseDatabaseUrl('postgersql://h'), {
    hint: 'Did you mean "postgresql://"?',
  });
  assert.throws(() => checkParameters(parseDatabaseUrl('mysql://h?sokcet=/x'), ['socket']), {
    hint: 'Did you mean "socket"?',
  });
});

test('the password of a URL counts before another one', () => {
  const other = new Secret('other');
  assert.equal(withPassword(parseDatabaseUrl('mysql://u:own@h'), other).password?.reveal(), 'own');
  assert.equal(withPassword(parseDatabaseUrl('mysql://u@h'), other).password?.reveal(), 'other');
});
