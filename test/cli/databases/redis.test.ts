import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { redisPrograms, type RedisServer, startRedis } from '../../servers/redis.ts';
import { missingPrograms } from '../../servers/required-programs.ts';
import { type OwnMachine, ownMachine } from '../own-machine.ts';

describe('a server of Redis', { skip: missingPrograms(redisPrograms) }, () => {
  let server: RedisServer;
  let machine: OwnMachine;
  let repository: string;

  before(async () => {
    server = await startRedis();
    machine = await ownMachine();
    repository = machine.of('repository');
    await server.command(
      'EVAL',
      'for i = 1, 5000 do redis.call("SET", "key" .. i, string.rep(tostring(i), 20)) end',
      '0',
    );
    await server.command('-n', '3', 'RPUSH', 'list', 'one', 'two');
  });
  after(async () => {
    await machine?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test('its dump ends where it should, and a server loads it', async () => {
    const kept = await machine.run('backup', server.url(), repository);
    assert.equal(kept.status, 0, kept.stderr.text);
    const file = machine.of('dump.rdb');
    const put = await machine.run('restore-database', repository, 'redis.rdb', '--to', file);
    assert.equal(put.status, 0, put.stderr.text);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const bytes = await readFile(file);
    assert.equal(bytes.subarray(0, 5).toString(), 'REDIS');
    assert.equal(
      bytes.at(-9),
      0xff,
      'the opcode of the end, then eight bytes of checksum, and nothing else',
    );
    const tried = await machine.run('restore-database', repository, '--scratch', '--json');
    assert.equal(tried.status, 0, tried.stderr.text);
    assert.deepEqual(
      tried.stdout.records
        .filter(({ type }) => type === 'table')
        .map(({ name, rows }) => [name, rows]),
      [
        ['db0', 5000],
        ['db3', 1],
      ],
    );
  });

  test('a file that is there is replaced on demand only; a running server is not written to', async () => {
    const file = machine.of('dump.rdb');
    const again = await machine.run('restore-database', repository, '--to', file);
    assert.equal(again.status, 1);
    assert.match(again.stderr.text, /"\/.*dump\.rdb" is there already/u);
    const clean = await machine.run('restore-database', repository, '--to', file, '--clean');
    assert.equal(clean.status, 0, clean.stderr.text);
    const running = await machine.run('restore-database', repository, '--to', server.url());
    assert.equal(running.status, 2);
    assert.match(running.stderr.text, /A running server of Redis loads no dump\nhint: Stop it/u);
  });

  test('a damaged dump is not loaded', async () => {
    const bytes = await readFile(machine.of('dump.rdb'));
    bytes[2000]! ^= 1;
    await mkdir(machine.of('source'));
    await writeFile(machine.of('source/bad.rdb'), bytes);
    await machine.run('backup', machine.of('source'), repository);
    for (const target of [['--to', machine.of('new.rdb')], ['--scratch']]) {
      const ran = await machine.run('restore-database', repository, 'latest:bad.rdb', ...target);
      assert.equal(ran.status, 1);
      assert.match(ran.stderr.text, /its end or its checksum is wrong/u);
    }
    assert.ok(!(await readdir(machine.path)).some((name) => /new|unfinished/u.test(name)));
  });

  test('what cannot be dumped makes no snapshot', async () => {
    const place = machine.of('none');
    for (const [url, status, message] of [
      [`redis://:wrong@127.0.0.1:${server.port}`, 1, /Cannot connect to .*WRONGPASS/su],
      [`redis://127.0.0.1:${server.port}`, 1, /Cannot connect to .*NOAUTH/su],
      [`${server.url()}/3`, 2, /holds all databases of the server/u],
      ['redis://127.0.0.1:1', 1, /did not answer within 1 s/u],
    ] as const) {
      const ran = await machine.run('backup', url, place, '--database-wait', '1s');
      assert.equal(ran.status, status, ran.stderr.text);
      assert.match(ran.stderr.text, message);
      await assert.rejects(readdir(place));
    }
  });
});
