import assert from 'node:assert/strict';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { type TemporaryDirectory, temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../../base/clock.ts';
import { systemRandom } from '../../../base/random.ts';
import { parseDatabaseUrl } from '../database-url.ts';
import { localTools } from '../tool-runner.ts';
import { loadMongodb } from './load-mongodb.ts';
import { mongodbDumps } from './mongodb-dump.ts';

/** There is no MongoDB for the machine that runs the tests: programs that write down how they are called stand for its tools. */
describe('MongoDB, by programs that stand for its tools', () => {
  let directory: TemporaryDirectory;
  const of = (name: string): string => path.join(directory.path, name);
  const tools = () =>
    localTools({ environment: { PATH: process.env['PATH'] ?? '' }, directory: directory.path });
  const archive = Buffer.concat([
    Buffer.from([0x6d, 0xe2, 0x99, 0x81]),
    Buffer.from('documents'),
    Buffer.alloc(4, 0xff),
  ]);
  before(async () => {
    directory = await temporaryDirectory();
    await writeFile(of('archive'), archive);
    const note = `for word; do echo "$word"; case $word in --config=*) cat "\${word#--config=}"; stat -c %a "\${word#--config=}";; esac; done >'${of('called')}'`;
    await writeFile(of('mongodump'), `#!/bin/sh\n${note}\ncat '${of('archive')}'\n`);
    await writeFile(of('mongorestore'), `#!/bin/sh\n${note}\ncat >'${of('loaded')}'\n`);
    await Promise.all(['mongodump', 'mongorestore'].map((name) => chmod(of(name), 0o755)));
  });
  after(() => directory[Symbol.asyncDispose]());

  test('the password is in a file of this account alone, never among the arguments', async () => {
    const [dump] = await mongodbDumps({
      address: parseDatabaseUrl(
        'mongodb+srv://us%40er:p%22w%40rd@cluster.example/shop?authSource=admin',
      ),
      tools: tools(),
      clock: systemClock,
      wait: 5000,
      arguments: ['--readPreference=secondary'],
      temporaryDirectory: directory.path,
    });
    assert.equal(dump?.label, 'mongodb/cluster.example/shop.archive');
    const read = Buffer.concat(await Array.fromAsync(dump.stream()));
    assert.ok(read.equals(archive));
    const called = (await readFile(of('called'), 'utf8')).trimEnd().split('\n');
    assert.match(called[0]!, /^--config=/u);
    assert.deepEqual(called.slice(1), [
      'password: "p\\"w@rd"',
      '600',
      '--uri=mongodb+srv://us%40er@cluster.example/shop?serverSelectionTimeoutMS=5000&authSource=admin',
      '--readPreference=secondary',
      '--archive',
    ]);
    assert.ok(!(await readdir(directory.path)).some((name) => name.startsWith('holdfast-')));
  });

  test('all of a server is one dump; an archive that broke off is none', async () => {
    const [dump] = await mongodbDumps({
      address: parseDatabaseUrl('mongodb://h:27018'),
      tools: tools(),
      clock: systemClock,
      wait: 1000,
    });
    assert.equal(dump?.label, 'mongodb/h:27018/mongodb.archive');
    await writeFile(of('archive'), archive.subarray(0, -1));
    await assert.rejects(Array.fromAsync(dump.stream()), { code: 'database/failed' });
    await writeFile(of('archive'), archive);
  });

  test('an archive is loaded, and stops at the first error', async () => {
    const request = {
      target: parseDatabaseUrl('mongodb://u:pw@h'),
      tools: tools(),
      clock: systemClock,
      random: systemRandom,
      wait: 1000,
      format: 'mongodb',
      create: false,
      clean: true,
      scratch: false,
      owners: true,
      arguments: ['--nsInclude=shop.*'],
      temporaryDirectory: directory.path,
    } as const;
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      yield archive;
    };
    await loadMongodb({ ...request, dump: stream() });
    assert.ok((await readFile(of('loaded'))).equals(archive));
    const called = (await readFile(of('called'), 'utf8')).trimEnd().split('\n');
    assert.deepEqual(called.slice(3), [
      '--uri=mongodb://u@h/',
      '--stopOnError',
      '--drop',
      '--nsInclude=shop.*',
      '--archive',
    ]);
    for (const more of [{ scratch: true }, { create: true }]) {
      await assert.rejects(loadMongodb({ ...request, ...more, dump: stream() }), {
        code: 'input/usage',
      });
    }
    const half = async function* (): AsyncGenerator<Uint8Array> {
      yield archive.subarray(0, 8);
    };
    await assert.rejects(loadMongodb({ ...request, dump: half() }), /is not complete/u);
  });
});
