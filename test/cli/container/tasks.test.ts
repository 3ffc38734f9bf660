import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';

import { startMariadb } from '#test/servers/mariadb.ts';
import { containerPlace, holdfastLauncher } from './container-environment.ts';

describe('tasks', () => {
  it('run by hand, and are runs in the catalog, with their steps', async () => {
    await using place = await containerPlace();
    const environment = {
      TASK_demo_CRONTAB: '* * * * *',
      TASK_demo_PREPARE: 'word=kept; echo "$PASSPHRASE"',
      TASK_demo_LOAD: 'echo "$word" > "$DST/file"; echo loaded',
      TASK_demo_FINALLY: 'echo "finally $word $TASK_RESULT"',
      PASSPHRASE: 'very secret words',
    };
    const ran = await place.run(['task', 'run', 'demo'], environment);
    assert.equal(ran.status, 0, ran.stderr);
    assert.equal(
      ran.stdout,
      [
        '---- task demo - start ----',
        'in execute_prepare',
        '***',
        'in execute_extract',
        'in execute_transform',
        'in execute_load',
        'loaded',
        'in execute_succeed',
        'in execute_finally',
        'finally kept succeeded',
        '---- task demo - done ----',
        '',
      ].join('\n'),
    );
    assert.equal(await readFile(place.of('workdir/demo/dst/file'), 'utf8'), 'kept\n');
    const history = await place.run(['job', 'history', 'demo', '--json'], environment);
    const [record] = history.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      [record.job, record.activity, record.trigger, record.state],
      ['demo', 'task', 'manual', 'succeeded'],
    );
    assert.deepEqual(
      record.steps.map(({ name, output }: { name: string; output: string }) => [name, output]),
      [
        ['prepare', '***\n'],
        ['load', 'loaded\n'],
        ['finally', 'finally kept succeeded\n'],
      ],
    );
  });

  it('end with 1 when a step fails, with 0 if that is asked for', async () => {
    await using place = await containerPlace();
    const environment = { TASK_bad_LOAD: 'exit 75', TASK_bad_CRONTAB: '@daily' };
    assert.equal((await place.run(['task', 'run', 'bad'], environment)).status, 1);
    const compatible = { ...environment, COMPAT_EXIT_ZERO: '1' };
    assert.equal((await place.run(['task', 'run', 'bad'], compatible)).status, 0);
    const unknown = await place.run(['task', 'run', 'bda'], environment);
    assert.equal(unknown.status, 1);
    assert.match(unknown.stderr, /There is no task "bda"\nhint: Did you mean "bad"\?/u);
  });

  it('are listed and shown, without their secrets', async () => {
    await using place = await containerPlace();
    const environment = {
      TASK_db_CRONTAB: '5 4 * * *',
      TASK_db_RESTORE: '10',
      TASK_db_LOAD: 'mysqldump --password=geheimes-wort',
      MYSQL_PASSWORD: 'geheimes-wort',
    };
    const list = await place.run(['task', 'list'], environment);
    assert.match(list.stdout, /db +5 4 \* \* \* +10 +load/u);
    const shown = await place.run(['task', 'show', 'db', '--json'], environment);
    assert.deepEqual(JSON.parse(shown.stdout).steps, { load: 'mysqldump --password=***' });
  });

  it('are ended in order at SIGTERM: the step, then failed and finally', async () => {
    await using place = await containerPlace();
    const child = spawn(holdfastLauncher, ['task', 'run', 'long'], {
      env: {
        PATH: process.env['PATH'],
        HOME: place.path,
        HOLDFAST_STATE_DIR: place.of('state'),
        CONF_WORK_DIR: place.of('workdir'),
        TASK_long_CRONTAB: '@daily',
        TASK_long_LOAD: 'echo loading; sleep 1000',
        TASK_long_FAILED: 'echo "failed: $TASK_ERROR"',
        TASK_long_FINALLY: 'echo finally',
      },
    });
    let text = '';
    child.stdout.on('data', (piece: Buffer) => {
      text += piece.toString();
      if (text.includes('loading\n') && !child.killed) child.kill('SIGTERM');
    });
    const [status] = (await once(child, 'close')) as [number];
    assert.equal(status, 130);
    assert.match(text, /failed: It was cancelled in step "load"\n.*finally\n/su);
  });

  it('leave no shell behind when the program is killed: the next start ends it, and says that the run broke off', async () => {
    await using place = await containerPlace();
    const environment = {
      PATH: process.env['PATH'] ?? '',
      HOME: place.path,
      HOLDFAST_STATE_DIR: place.of('state'),
      CONF_WORK_DIR: place.of('workdir'),
      TASK_long_CRONTAB: '@daily',
      TASK_long_LOAD: '[ ! -e "$MARK" ] && { : > "$MARK"; echo "pid $$"; sleep 1000; }; echo again',
      MARK: place.of('mark'),
    };
    const child = spawn(holdfastLauncher, ['task', 'run', 'long'], { env: environment });
    let text = '';
    const pid = await new Promise<string>((resolve) => {
      child.stdout.on('data', (piece: Buffer) => {
        text += piece.toString();
        const found = /pid (\d+)\n/u.exec(text)?.[1];
        if (found !== undefined) resolve(found);
      });
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await readFile(`/proc/${pid}/stat`); // the shell lives on
    const next = await place.run(['task', 'run', 'long'], environment);
    assert.equal(next.status, 0, next.stderr);
    assert.match(next.stdout, /^again$/mu);
    // Where nobody waits for orphans, what has ended stays as a zombie.
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ') Z');
    assert.match(stat, /\) Z/u);
    const history = await place.run(['job', 'history', 'long', '--json'], environment);
    const states = history.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).state as string);
    assert.deepEqual(states.toSorted(), ['broken', 'succeeded']);
  });
});

describe('the server of a container', () => {
  it('runs tasks and jobs by the schedules of its environment, and shows what they print', async () => {
    await using place = await containerPlace();
    await writeFile(place.of('secret'), 'from a file\n');
    const child = spawn(
      holdfastLauncher,
      ['server', '--config-from-environment', '--listen', 'none'],
      {
        env: {
          PATH: process.env['PATH'],
          HOME: place.path,
          HOLDFAST_STATE_DIR: place.of('state'),
          CONF_WORK_DIR: place.of('workdir'),
          CRONTAB_FAST: '* * * * * *',
          TASK_tick_PERIODICITY: 'fast',
          TASK_tick_LOAD: 'printf "%s" "$MY_PASSWORD" | wc -c',
          MY_PASSWORD_FILE: place.of('secret'),
          JOB_7_WHAT: 'echo "job of $OWNER"',
          JOB_7_WHEN: 'fast',
          OWNER: 'somebody',
          TASK_tick_LAOD: 'x',
        },
      },
    );
    let text = '';
    const seen = new Promise<void>((resolve) => {
      child.stdout.on('data', (piece: Buffer) => {
        text += piece.toString();
        if (text.includes('---- task tick - done ----\n') && text.includes('job of somebody\n'))
          resolve();
      });
    });
    await seen;
    child.kill('SIGTERM');
    const [status] = (await once(child, 'close')) as [number];
    assert.equal(status, 0);
    assert.match(
      text,
      /There is no variable "TASK_tick_LAOD" of tasks; did you mean "TASK_tick_LOAD"\?/u,
    );
    assert.match(text, /^---- task tick - start ----$/mu);
    assert.match(text, /^in execute_load$/mu);
    assert.match(text, /^11$/mu);
    assert.match(text, /^Running job 7: `echo "job of somebody"`$/mu);
    // What the server was told before is no task any more where the environment says others.
    const list = (environment: Readonly<Record<string, string>>) =>
      place.run(['task', 'list', '--json'], environment);
    assert.match((await list({})).stdout, /"id":"tick"/u);
    const others = await list({ TASK_other_LOAD: 'x', TASK_other_CRONTAB: '@daily' });
    assert.deepEqual(others.stdout.match(/"id":"\w+"/gu), ['"id":"other"']);
  });
});

describe('restore tasks', () => {
  const environment = {
    TASK_b_RESTORE: '10',
    TASK_b_LOAD: 'echo "restore b" | tee -a "$CONF_WORK_DIR/order"',
    TASK_a_RESTORE: '20',
    TASK_a_LOAD: 'echo "restore a" | tee -a "$CONF_WORK_DIR/order"',
    TASK_c_RESTORE: '100',
    TASK_c_LOAD: 'echo "restore c" | tee -a "$CONF_WORK_DIR/order"',
  };

  it('run in the order of the names of their scripts', async () => {
    await using place = await containerPlace();
    const list = await place.run(['execute-restore', '--list'], environment);
    assert.equal(list.stdout, '100_c.sh\n10_b.sh\n20_a.sh\n');
    const ran = await place.run(['execute-restore'], environment);
    assert.equal(ran.status, 0, ran.stderr);
    assert.equal(
      await readFile(place.of('workdir/order'), 'utf8'),
      'restore c\nrestore b\nrestore a\n',
    );
    assert.match(
      ran.stdout,
      /100_c\.sh +succeeded .*\n10_b\.sh +succeeded .*\n20_a\.sh +succeeded/u,
    );
  });

  it('end at the first that fails', async () => {
    await using place = await containerPlace();
    const ran = await place.run(['execute-restore'], { ...environment, TASK_b_LOAD: 'false' });
    assert.equal(ran.status, 1);
    assert.equal(await readFile(place.of('workdir/order'), 'utf8'), 'restore c\n');
    assert.match(
      ran.stdout,
      /100_c\.sh +succeeded.*\n10_b\.sh +failed .*ended with status 1.*\n20_a\.sh +not run/u,
    );
  });

  it('may be chosen, and shown without being run', async () => {
    await using place = await containerPlace();
    const dry = await place.run(
      ['execute-restore', '--dry-run', '--only', 'a', '--only', '10_b.sh'],
      environment,
    );
    assert.equal(dry.stdout, 'Would run 10_b.sh\nWould run 20_a.sh\n');
    const one = await place.run(['execute-restore', '--only', 'a'], environment);
    assert.equal(one.status, 0, one.stderr);
    assert.equal(await readFile(place.of('workdir/order'), 'utf8'), 'restore a\n');
    const unknown = await place.run(['execute-restore', '--only', '30_a.sh'], environment);
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /Did you mean "20_a\.sh"\?/u);
    const none = await place.run(['execute-restore'], { TASK_x_LOAD: 'l' });
    assert.equal(none.status, 1);
    assert.match(none.stderr, /There is no restore task/u);
  });
});

describe('the examples of the task container', () => {
  it('simple: a full backup each minute, a prepare that fails, a restore', async () => {
    await using place = await containerPlace({ PASSPHRASE: 'pass' });
    await mkdir(place.of('data'));
    const target = place.of('mnt/backup/test1');
    const environment = {
      TASK_test1_CRONTAB: '* * * * *',
      TASK_test1_PREPARE: `mkdir -p ${target}`,
      TASK_test1_EXTRACT: 'touch "$(date)" > $SRC/test1.$(date -I)',
      TASK_test1_LOAD: `duplicity full $SRC file://${target}`,
      TASK_test2_CRONTAB: '* * * * *',
      TASK_test2_PREPARE: 'ls /nowhere/at/all',
      TASK_test2_LOAD: 'echo never',
      TASK_test2_FAILED: 'echo it failed in $TASK_FAILED_STEP',
      TASK_restore1_RESTORE: 'normal',
      TASK_restore1_LOAD: `duplicity restore file://${target} ${place.of('data/back')}`,
    };
    const good = await place.run(['task', 'run', 'test1'], environment);
    assert.equal(good.status, 0, good.stdout + good.stderr);
    for (const step of ['prepare', 'extract', 'transform', 'load', 'succeed', 'finally'])
      assert.ok(good.stdout.includes(`in execute_${step}\n`), good.stdout);
    assert.match(good.stdout, /Backup Statistics/u);
    const bad = await place.run(['task', 'run', 'test2'], environment);
    assert.equal(bad.status, 1);
    assert.match(bad.stdout, /in execute_failed\nit failed in prepare\nin execute_finally\n/u);
    assert.ok(!bad.stdout.includes('never'));
    const restored = await place.run(['execute-restore'], environment);
    assert.equal(restored.status, 0, restored.stdout + restored.stderr);
    const [name, ...more] = await readdir(place.of('data/back'));
    assert.deepEqual(more, []);
    assert.match(name ?? '', /^test1\.\d{4}-\d\d-\d\d$/u);
  });

  it('database: a dump and a snapshot of its files, on one schedule, and both restored', async () => {
    await using server = await startMariadb();
    await server.query(
      'CREATE DATABASE shop; CREATE TABLE shop.t (i INT PRIMARY KEY, word VARCHAR(20)); ' +
        "INSERT INTO shop.t SELECT seq, CONCAT('w', seq) FROM mysql.seq_1_to_500",
    );
    await using place = await containerPlace({ PASSPHRASE: 'pass' });
    await mkdir(place.of('mysql'));
    await writeFile(place.of('mysql/ibdata1'), Buffer.alloc(20_000, 7));
    await chmod(place.of('mysql'), 0o500);
    await using _ = { [Symbol.asyncDispose]: () => chmod(place.of('mysql'), 0o700) };
    await writeFile(place.of('password'), `${server.password}\n`);
    const options = `--host=127.0.0.1 --port=${server.port} --user=$MYSQL_USER`;
    const url = (name: string): string => `file://${place.of('mnt/backup', name)}`;
    const environment = {
      MYSQL_DATABASE: 'shop',
      MYSQL_USER: server.user,
      MYSQL_PWD_FILE: place.of('password'),
      FILE__MYSQL_PWD: place.of('password'),
      TASK_dump_CRONTAB: '* * * * *',
      TASK_dump_PREPARE: `mkdir -p ${place.of('mnt/backup/dump')}`,
      TASK_dump_EXTRACT: `mysqldump ${options} $MYSQL_DATABASE > $SRC/database.backup.sql`,
      TASK_dump_LOAD: `duplicity full $SRC ${url('dump')}`,
      TASK_snapshot_CRONTAB: '* * * * *',
      TASK_snapshot_PREPARE: `mkdir -p ${place.of('mnt/backup/snapshot')}`,
      TASK_snapshot_LOAD: `duplicity full ${place.of('mysql')} ${url('snapshot')}`,
      TASK_files_RESTORE: '10',
      TASK_files_LOAD: `duplicity restore ${url('snapshot')} ${place.of('files')}`,
      TASK_tables_RESTORE: '20',
      TASK_tables_EXTRACT: `duplicity restore ${url('dump')} $SRC/back`,
      TASK_tables_LOAD: `mysql ${options} $MYSQL_DATABASE < $SRC/back/database.backup.sql`,
    };
    for (const task of ['dump', 'snapshot']) {
      const ran = await place.run(['task', 'run', task], environment);
      assert.equal(ran.status, 0, ran.stdout + ran.stderr);
      assert.ok(!ran.stdout.includes(server.password));
    }
    const rows = 'SELECT COUNT(*), SUM(i), MAX(word) FROM shop.t';
    const before = await server.query(rows);
    await server.query('DROP TABLE shop.t');
    const restored = await place.run(['execute-restore'], environment);
    assert.equal(restored.status, 0, restored.stdout + restored.stderr);
    assert.equal(await server.query(rows), before);
    assert.ok(Buffer.alloc(20_000, 7).equals(await readFile(place.of('files/ibdata1'))));
    // A dump that fails is no success, and stores nothing new.
    const archives = await readdir(place.of('mnt/backup/dump'));
    const failing = await place.run(['task', 'run', 'dump'], {
      ...environment,
      MYSQL_USER: 'nobody',
    });
    assert.equal(failing.status, 1);
    assert.match(failing.stdout, /Access denied/u);
    assert.deepEqual(await readdir(place.of('mnt/backup/dump')), archives);
  });
});
