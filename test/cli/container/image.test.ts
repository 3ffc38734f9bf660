import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';

import { containerPlace } from './container-environment.ts';

describe('the commands of the job container', () => {
  it('back up to several destinations, each with its environment; one that fails stops no other', async () => {
    await using place = await containerPlace();
    await mkdir(place.of('data'));
    await writeFile(place.of('data/file'), 'content\n');
    await writeFile(place.of('in-the-way'), '');
    for (const name of ['one', 'three']) await mkdir(place.of(name));
    const environment = {
      SRC: `file://${place.of('data')}`,
      DST: 'multi',
      DST_1: `file://${place.of('one')}`,
      DST_1_PASSPHRASE: 'first passphrase',
      DST_2: `file://${place.of('in-the-way/two')}`,
      DST_3: `file://${place.of('three')}`,
      PASSPHRASE: 'common passphrase',
      // For S3 alone; $(…) and quotes are read as a shell does.
      OPTIONS_EXTRA: `--s3-european-buckets --s3-region-name x --name "job $(echo name)"`,
    };
    const ran = await place.run(['image', 'backup'], environment);
    assert.notEqual(ran.status, 0);
    assert.match(ran.stderr, /Destination 1: Executing: duplicity --name job name-1 backup /u);
    assert.match(ran.stderr, /Destination 3: Executing: /u);
    assert.ok(!ran.stderr.includes('passphrase'));
    for (const name of ['one', 'three']) assert.equal((await readdir(place.of(name))).length, 3);
    // Each is encrypted with what is its own.
    let caches = 0;
    const list = (dst: string, passphrase: string) => {
      // What is cached is not encrypted.
      const cache = place.of(`cache-${caches++}`);
      const url = `file://${place.of(dst)}`;
      return place.run(['duplicity', 'list-current-files', '--archive-dir', cache, url], {
        PASSPHRASE: passphrase,
      });
    };
    assert.equal((await list('one', 'first passphrase')).status, 0);
    assert.equal((await list('three', 'common passphrase')).status, 0);
    assert.notEqual((await list('three', 'first passphrase')).status, 0);
    // Restoring is from the first.
    const restored = await place.run(
      ['image', 'dup', 'restore', '$DST', place.of('back')],
      environment,
    );
    assert.equal(restored.status, 0, restored.stderr);
    assert.equal(await readFile(place.of('back/file'), 'utf8'), 'content\n');
  });

  it('refuse what makes no sense, in one sentence', async () => {
    await using place = await containerPlace();
    const table = [
      [
        ['image', 'bakcup'],
        {},
        /There is no command "image bakcup"\nhint: Did you mean "backup"\?/u,
      ],
      [['image', 'backup'], {}, /"DST" is not set: there is nowhere to back up to/u],
      [
        ['image', 'backup'],
        { DST: 'file:///x', PASSPHRASE: 'passphrase' },
        /"PASSPHRASE" is "passphrase", the default of an image, which everybody knows/u,
      ],
      [
        ['image', 'dup', 'cleanup', '$DST'],
        { DST: 'file:///x', OPTIONS: '"unclosed' },
        /OPTIONS cannot be read by the shell/u,
      ],
      [
        ['image', 'backup'],
        { DST: 'file:///x', FILE__PASSPHRASE: '/' },
        /Cannot read the file "\/" of "FILE__PASSPHRASE": it is a directory/u,
      ],
    ] as const;
    for (const [argv, environment, sentence] of table) {
      const { status, stderr } = await place.run(argv, environment);
      assert.notEqual(status, 0);
      assert.match(stderr, sentence);
    }
  });

  it('take secrets from files', async () => {
    await using place = await containerPlace();
    for (const name of ['data', 'target']) await mkdir(place.of(name));
    await writeFile(place.of('secret'), 'from a file\n');
    const given = { SRC: place.of('data'), DST: `file://${place.of('target')}` };
    const backup = await place.run(['image', 'backup'], {
      ...given,
      PASSPHRASE_FILE: place.of('secret'),
    });
    assert.equal(backup.status, 0, backup.stderr);
    const listed = await place.run(['image', 'dup', 'list-current-files', '$DST'], {
      ...given,
      PASSPHRASE: 'from a file',
    });
    assert.equal(listed.status, 0, listed.stderr);
  });

  it('set up scripts and links, the same a second time, and without what is gone', async () => {
    await using place = await containerPlace();
    const environment = {
      CONF_TASKS_DIR: place.of('tasks'),
      CONF_ETC_DIR: place.of('etc'),
      TASK_a_LOAD: 'echo "a runs with $1"',
      TASK_a_CRONTAB: '@daily',
      TASK_b_LOAD: 'echo b',
      TASK_b_RESTORE: '10',
      JOB_1_WHAT: 'echo job',
      JOB_1_WHEN: 'nightly',
      CRONTAB_NIGHTLY: '1 2 * * *',
    };
    await mkdir(place.of('tasks'));
    await writeFile(place.of('tasks/own.sh'), '#!/bin/sh\necho of somebody else\n');
    for (const _ of [1, 2]) {
      const ran = await place.run(['image', 'setup'], environment);
      assert.deepEqual([ran.status, ran.stderr], [0, '']);
      assert.deepEqual(await readdir(place.of('tasks')), ['a.sh', 'b.sh', 'own.sh']);
      assert.equal((await stat(place.of('tasks/a.sh'))).mode & 0o111, 0o111);
      assert.equal(await readlink(place.of('etc/cron.restore/10_b.sh')), place.of('tasks/b.sh'));
    }
    const script = await place.run([place.of('tasks/a.sh')], environment);
    assert.equal(script.status, 0, script.stderr);
    assert.match(script.stdout, /^---- task a - start ----\n.*a runs with/su);
    const job = await place.run([place.of('etc/periodic/nightly/jobrunner')], environment);
    assert.match(job.stdout, /^Running job 1: `echo job`\njob\n/u);
    const {
      TASK_a_LOAD: _a,
      TASK_a_CRONTAB: _b,
      TASK_b_RESTORE: _c,
      JOB_1_WHEN: _d,
      ...less
    } = environment;
    assert.equal((await place.run(['image', 'setup'], { ...less, JOB_1_WHEN: 'daily' })).status, 0);
    assert.deepEqual(await readdir(place.of('tasks')), ['b.sh', 'own.sh']);
    assert.deepEqual(await readdir(place.of('etc/cron.restore')), []);
    assert.deepEqual(await readdir(place.of('etc/periodic/nightly')), []);
    assert.deepEqual(await readdir(place.of('etc/periodic/daily')), ['jobrunner']);
    const broken = await place.run(['image', 'setup'], {
      ...less,
      JOB_1_WHEN: 'daily',
      TASK_b_CRONTAB: '* * * *',
    });
    assert.notEqual(broken.status, 0);
    assert.deepEqual(await readdir(place.of('tasks')), ['b.sh', 'own.sh']);
  });

  it('are found by links of their names', async () => {
    await using place = await containerPlace();
    for (const name of ['bin', 'data', 'target']) await mkdir(place.of(name));
    const launcher = new URL('../../../bin/holdfast', import.meta.url).pathname;
    for (const name of ['backup', 'dup', 'execute-restore'])
      await symlink(launcher, place.of('bin', name));
    const environment = {
      SRC: place.of('data'),
      DST: `file://${place.of('target')}`,
      PASSPHRASE: 'some passphrase',
      TASK_r_RESTORE: '1',
      TASK_r_LOAD: 'echo restored',
    };
    assert.equal((await place.run([place.of('bin/backup')], environment)).status, 0);
    const dup = await place.run([place.of('bin/dup'), 'collection-status', '$DST'], environment);
    assert.match(dup.stdout, /Number of contained backup sets: 1/u);
    const restore = await place.run([place.of('bin/execute-restore'), '--list'], environment);
    assert.equal(restore.stdout, '1_r.sh\n');
  });
});
