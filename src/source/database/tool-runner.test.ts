import assert from 'node:assert/strict';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { type TemporaryDirectory, temporaryDirectory } from '#test/support/temporary-directory.ts';

import { FakeClock } from '#test/support/fake-clock.ts';

import { Secret } from '../../base/secret.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { feedTool } from './feed-tool.ts';
import { choosePostgresqlClient } from './postgresql/choose-client.ts';
import { findTool, localTools, readTool, runTool } from './tool-runner.ts';
import { waitForServer } from './wait-for-server.ts';

describe('tools', () => {
  let directory: TemporaryDirectory;
  const of = (...names: string[]): string => path.join(directory.path, ...names);
  const script = async (name: string, text: string): Promise<string> => {
    const file = of(name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\n${text}\n`);
    await chmod(file, 0o755);
    return file;
  };
  const PATH = process.env['PATH'] ?? '';
  before(async () => void (directory = await temporaryDirectory()));
  after(() => directory[Symbol.asyncDispose]());

  test('are given the environment without what is meant for this program, and their own variables', async () => {
    const tools = localTools({
      environment: { PATH, HOLDFAST_PASSPHRASE: 'secret', PGHOST: 'db', LC_ALL: 'de_DE' },
    });
    const { output } = await runTool(tools, ['env'], { LC_ALL: 'C', PGPASSWORD: 'x' });
    const lines = output.toString().split('\n');
    for (const line of ['PGHOST=db', 'LC_ALL=C', 'PGPASSWORD=x'])
      assert.ok(lines.includes(line), line);
    assert.ok(!output.includes('HOLDFAST'));
  });

  test('are found in the PATH in order, a wrapper that chooses among versions last', async () => {
    await script('one/pg_try', '');
    await script('two/pg_wrapper', '');
    await symlink('pg_wrapper', of('two/pg_try'));
    await script('three/pg_try', '');
    await writeFile(of('one/no_program'), '');
    const tools = localTools({
      environment: { PATH: `${of('gone')}:${of('two')}:${of('one')}:${of('three')}` },
    });
    assert.deepEqual(await tools.find('pg_try'), [
      of('one/pg_try'),
      of('three/pg_try'),
      of('two/pg_try'),
    ]);
    assert.deepEqual(await tools.find('no_program'), []);
    const only = localTools({ environment: { PATH }, directory: of('three') });
    assert.deepEqual(await only.find('pg_try'), [of('three/pg_try')]);
    assert.equal(await findTool(only, ['gone', 'pg_try']), of('three/pg_try'));
    await assert.rejects(findTool(only, ['mariadb-dump', 'mysqldump']), {
      code: 'database/unsupported',
      message: /There is no "mariadb-dump" or "mysqldump" in/u,
      hint: /Install mariadb-client/u,
    });
  });

  test('of PostgreSQL: the same version, else the next newer, never an older one', async () => {
    const version = (major: string) => `echo "pg_dump (PostgreSQL) ${major} (Debian)"`;
    for (const major of ['9.6.24', '13.9', '14beta1', '16.2', '17.0']) {
      await script(`${major}/pg_dump`, version(major));
    }
    await script('broken/pg_dump', 'exit 1');
    await script('foreign/pg_dump', 'echo something else');
    const folders = ['broken', 'foreign', '17.0', '9.6.24', '16.2', '13.9', '14beta1'];
    const all = folders.map((folder) => of(folder, 'pg_dump'));
    const choose = (number: number, files = all) =>
      choosePostgresqlClient(
        {
          address: parseDatabaseUrl('postgresql://h'),
          tools: { ...localTools({ environment: { PATH } }), find: async () => files },
          name: 'h',
          entrance: 'postgres',
          version: number,
          environment: {},
        },
        'pg_dump',
      );
    assert.equal(await choose(90_624), of('9.6.24/pg_dump'));
    assert.equal(await choose(130_000), of('13.9/pg_dump'));
    assert.equal(await choose(150_020), of('16.2/pg_dump'));
    assert.equal(await choose(140_001), of('14beta1/pg_dump'));
    await assert.rejects(choose(180_000), {
      code: 'database/unsupported',
      message:
        'The server "h" is PostgreSQL 18, but the newest "pg_dump" on this machine is of version 17',
    });
    await assert.rejects(choose(180_000, []), { message: 'There is no "pg_dump" on this machine' });
  });

  test('the output of one that fails does not end well, and a password it repeats is not repeated', async () => {
    const tools = localTools({ environment: { PATH } });
    const read = async (text: string): Promise<string> => {
      const secret = new Secret('p/s wort');
      const stream = readTool(tools, ['sh', '-c', text], {}, { what: 'The dump of "x"', secret });
      return Buffer.concat(await Array.fromAsync(stream)).toString();
    };
    assert.equal(await read('echo one; echo warning >&2'), 'one\n');
    await assert.rejects(read('echo half; echo "no p/s wort, p%2Fs%20wort" >&2; exit 3'), {
      code: 'database/failed',
      message: 'The dump of "x" failed: "sh" ended with status 3: no [secret], [secret]',
    });
    await assert.rejects(read('echo half; kill -9 $$'), /"sh" was ended by SIGKILL/u);
  });

  test('one that is fed gets all of it; one that ends early is not fed for ever', async () => {
    const tools = localTools({ environment: { PATH } });
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(65_536);
    };
    const early = await feedTool(
      tools,
      ['sh', '-c', 'head -c 10 >/dev/null; exit 4'],
      {},
      endless(),
    );
    assert.equal(early.status, 4);
    const large = async function* (): AsyncGenerator<Uint8Array> {
      // Used again, as that of the repository is.
      const piece = Buffer.alloc(100_000);
      for (let index = 0; index < 40; index++) yield piece.fill(index);
    };
    const sum = `test "$(sha256sum)" = "$(for i in $(seq 0 39); do head -c 100000 /dev/zero | tr '\\0' "\\\\$(printf %o $i)"; done | sha256sum)"`;
    const whole = await feedTool(tools, ['sh', '-c', sum], {}, large());
    assert.equal(whole.status, 0);
  });

  test('one whose input fails is ended, and the failure told', async () => {
    const tools = localTools({ environment: { PATH } });
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      throw new Error('the repository is gone');
    };
    await assert.rejects(
      feedTool(tools, ['sh', '-c', `cat >/dev/null; sleep 60`], {}, failing()),
      /the repository is gone/u,
    );
  });

  test('a server is waited for as long as it was said, not longer', async () => {
    const clock = new FakeClock(0);
    let asked = 0;
    const left: number[] = [];
    const wait = (answers: number) => {
      asked = 0;
      return waitForServer(
        async (rest) => {
          left.push(rest);
          return ++asked === answers ? { answer: asked } : { notYet: 'it starts' };
        },
        { server: 'db', wait: 3000, clock },
      );
    };
    assert.equal(await wait(3), 3);
    await assert.rejects(wait(100), {
      code: 'database/unavailable',
      message: 'The server "db" did not answer within 3 s: it starts',
    });
    assert.ok(asked >= 5 && asked <= 7, String(asked));
    assert.ok(left.every((rest) => rest >= 1000 && rest <= 3000));
  });
});
