import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { BackupJob } from '../../src/model/job.ts';
import { JobStatuses } from '../../src/service/status/job-statuses.ts';
import { publishStatus } from '../../src/service/status/status-publisher.ts';
import { missingPrograms } from '../servers/required-programs.ts';
import { nrpePrograms, type NrpeServer, startNrpe } from '../servers/nrpe.ts';
import { type CatalogOfRuns, catalogOfRuns } from '../support/catalog-of-runs.ts';
import { programForEverybody } from '../support/program-for-everybody.ts';
import { runForTest } from './command-line.ts';

const run = promisify(execFile);
const HOUR = 3_600_000;
const PLUGIN = '/usr/local/lib/nagios/plugins/check_backups';

const job: BackupJob = {
  kind: 'backup',
  name: 'documents',
  sources: ['/home'],
  destinations: [{ url: 'file:///backups', passphrase: 'hidden1' }],
  schedule: 'daily',
};

describe('Nagios by a real NRPE server', { skip: missingPrograms(nrpePrograms) }, () => {
  let server: NrpeServer;
  let kept: CatalogOfRuns;
  let statusFile: string;
  let program: string;

  before(async () => {
    server = await startNrpe();
    program = await programForEverybody(path.join(server.directory, 'program'));
    statusFile = path.join(server.directory, 'run', 'status.json');
    kept = await catalogOfRuns(systemClock);
    await kept.addJob(job);
    await kept.addJob({ ...job, name: 'pictures' });
    await mkdir(path.join(server.root, 'var/lib/nagios/export'), { recursive: true });
    await install();
    // Ages, as an administrator writes them into a file of his own.
    await writeFile(
      path.join(server.root, 'etc/nagios/nrpe.d/own.cfg'),
      [
        `command[ages]=${PLUGIN} --job documents -w 26h -c 50h`,
        `command[critical]=${PLUGIN} --failure-critical --job documents`,
        `command[wrong]=${PLUGIN} --job`,
        '',
      ].join('\n'),
    );
    await server.kill();
    await server.restart();
  });
  after(async () => {
    await kept[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const install = (...more: readonly string[]) =>
    runForTest([
      'monitor',
      'nrpe-install',
      `--directory=${server.root}`,
      `--program=${program}`,
      `--status-file=${statusFile}`,
      '--unit=app/0',
      ...more,
    ]);

  /** What a service writes, `later` milliseconds from now. */
  const publish = async (validFor?: number, clock: Clock = systemClock): Promise<void> => {
    const { catalog, directory } = kept;
    await publishStatus(
      {
        catalog,
        clock,
        statuses: new JobStatuses({ catalog, clock, timeZone: 'UTC', hostName: 'host' }),
        version: '1',
        hostName: 'host',
        stateDirectory: directory,
        publicFile: statusFile,
      },
      validFor === undefined ? undefined : clock.now() + validFor,
    );
  };

  test('nothing is known before a status is there', async () => {
    await rm(statusFile, { force: true });
    const { status, output } = await server.check('check_backups');
    assert.equal(status, 3);
    assert.match(
      output,
      /^UNKNOWN: Cannot read the status in ".*\/status\.json": it is not there\n/u,
    );
  });

  test('all is well', async () => {
    await kept.addRun('documents', 'succeeded', Date.now() - 2 * HOUR);
    await publish(HOUR);
    assert.deepEqual(await server.check('check_backups'), { status: 0, output: 'OK' });
    assert.deepEqual(await server.check('check_backup_deletions'), { status: 0, output: 'OK' });
  });

  test('failures come with their reasons, on several lines', async () => {
    const problem = { code: 'storage/unavailable', message: 'The server "nas" does not answer' };
    await kept.addRun('documents', 'failed', Date.now() - HOUR, { problem });
    await kept.addRun('pictures', 'broken', Date.now() - HOUR, { reason: 'The machine died' });
    await publish(HOUR);
    const { status, output } = await server.check('check_backups');
    assert.equal(status, 1);
    assert.deepEqual(output.split('\n'), [
      'WARNING: Backup not completed successfully: documents: The server "nas" does not answer, 1 h 00 min ago (and 1 more)',
      'WARNING documents: The server "nas" does not answer, 1 h 00 min ago',
      'WARNING pictures: The machine died, 1 h 00 min ago',
    ]);
    assert.equal((await server.check('check_backup_deletions')).status, 0);
    const critical = await server.check('critical');
    assert.equal(critical.status, 2);
    assert.match(critical.output, /^CRITICAL: Backup not completed successfully: documents: /u);
  });

  test('a run that is under way does not clear it, a success of the same job does', async () => {
    await kept.addRun('documents', 'succeeded', Date.now() - HOUR / 2, { activity: 'check' });
    const under = await kept.beginRun('documents', Date.now());
    await publish(HOUR);
    assert.match((await server.check('check_backups')).output, /documents/u);
    const end = { outcome: 'succeeded', steps: [] } as const;
    await kept.catalog.queue.finish(under.id, 'test-worker', end, Date.now(), []);
    await publish(HOUR);
    const { status, output } = await server.check('check_backups');
    assert.deepEqual([status, output.split('\n')[0]?.includes('pictures')], [1, true]);
    await kept.addRun('pictures', 'succeeded', Date.now() - HOUR / 2);
    await publish(HOUR);
    assert.equal((await server.check('check_backups')).output, 'OK');
  });

  test('a deletion that failed is told by its own command', async () => {
    const problem = { code: 'repository/locked', message: 'The repository is locked' };
    await kept.addRun('documents', 'failed', Date.now(), { activity: 'retention', problem });
    await publish(HOUR);
    assert.equal((await server.check('check_backups')).status, 0);
    const { status, output } = await server.check('check_backup_deletions');
    assert.equal(status, 1);
    assert.match(
      output,
      /^WARNING: Deletion not completed successfully: documents: The repository is locked/u,
    );
  });

  test('performance data arrives whole', async () => {
    const counters = { files: 3, bytes: 4096, bytesAdded: 17 };
    await kept.addRun('documents', 'succeeded', Date.now() - 60_000, {
      steps: [{ name: 'backup', kind: 'backup', startedAt: 1, outcome: 'succeeded', counters }],
    });
    await publish(HOUR);
    const { status, output } = await server.check('ages');
    assert.equal(status, 0);
    assert.match(
      output,
      /^OK: 1 job, the last success .* ago at most \|\s?jobs=1;;;0 problems=0;;;0 'documents_age'=\d+s;93600;180000;0 'documents_duration'=60s;;;0 'documents_size'=4096B;;;0 'documents_added'=17B;;;0$/u,
    );
  });

  test('a service that died is noticed, and what it wrote is not believed', async () => {
    const past: Clock = { ...systemClock, now: () => Date.now() - 2 * HOUR };
    await publish(HOUR, past);
    const { status, output } = await server.check('check_backups');
    assert.equal(status, 3);
    assert.match(output, /^UNKNOWN: The status is 2 h 00 min old/u);
    // Without a service nobody has promised anything.
    await publish(undefined, past);
    assert.equal((await server.check('check_backups')).status, 0);
  });

  test('a job that never ran is late some day, also where no service watches', async () => {
    await kept.addJob({ ...job, name: 'new' });
    const past: Clock = { ...systemClock, now: () => Date.now() - 27 * HOUR };
    await publish(undefined, past);
    await publish();
    const { status, output } = await server.check('check_backups');
    assert.equal(status, 1);
    assert.match(
      output,
      /: new: it never succeeded, known for 1 d 03 h, it was due 1 h 00 min ago/u,
    );
    const { jobs } = kept.catalog.configuration;
    await jobs.remove('new', (await jobs.get('new'))!.revision);
  });

  test('what is wrong with the command line is no verdict', async () => {
    const { status, output } = await server.check('wrong');
    assert.equal(status, 3);
    assert.match(output, /^UNKNOWN: .*--job/u);
  });

  test('a status that is damaged or not readable is none', async () => {
    await writeFile(statusFile, '{"schema": 1, "jobs": [');
    assert.match((await server.check('check_backups')).output, /^UNKNOWN: .*it is damaged/u);
    if (process.getuid?.() === 0) {
      await chmod(statusFile, 0o600);
      assert.match((await server.check('check_backups')).output, /^UNKNOWN: .*may not read it/u);
    }
    await rm(statusFile);
    await publish(HOUR);
    const { mode } = await stat(statusFile);
    assert.equal(mode & 0o777, 0o644);
    assert.doesNotMatch(await readFile(statusFile, 'utf8'), /hidden/u);
  });

  test('a program that this user cannot run is UNKNOWN, too', async () => {
    const plugin = path.join(server.root, PLUGIN);
    const text = await readFile(plugin, 'utf8');
    await writeFile(plugin, text.replace(program, '/nowhere/holdfast'));
    await assert.rejects(run('sh', [plugin]), {
      code: 3,
      stdout: /^UNKNOWN: This user cannot run/u,
    });
    await writeFile(plugin, text);
  });

  test('the files are those that charms write, and change with their settings', async () => {
    const of = (name: string): string => path.join(server.root, name);
    const commands = await readFile(of('etc/nagios/nrpe.d/check_backups.cfg'), 'utf8');
    assert.match(
      commands,
      /^command\[check_backups\]=\/usr\/local\/lib\/nagios\/plugins\/check_backups$/mu,
    );
    const exports = of('var/lib/nagios/export');
    assert.deepEqual((await readdir(exports)).toSorted(), [
      'service__juju-app-0_check_backup_deletions.cfg',
      'service__juju-app-0_check_backups.cfg',
    ]);
    const service = await readFile(
      path.join(exports, 'service__juju-app-0_check_backups.cfg'),
      'utf8',
    );
    for (const line of [
      /^ +use +active-service$/mu,
      /^ +host_name +juju-app-0$/mu,
      /^ +service_description +juju-app-0\[backups\] Check that periodic backups have not failed\.$/mu,
      /^ +check_command +check_nrpe!check_backups$/mu,
      /^ +servicegroups +juju$/mu,
    ])
      assert.match(service, line);

    const again = await install();
    assert.match(again.stderr.text, /Nothing had to be changed/u);
    const changed = await install('--context', 'prod', '--servicegroups', 'backups,all');
    assert.match(changed.stderr.text, /systemctl reload nagios-nrpe-server/u);
    assert.deepEqual((await readdir(exports)).toSorted(), [
      'service__prod-app-0_check_backup_deletions.cfg',
      'service__prod-app-0_check_backups.cfg',
    ]);
    const other = await readFile(
      path.join(exports, 'service__prod-app-0_check_backups.cfg'),
      'utf8',
    );
    assert.match(other, /servicegroups +backups,all$/mu);
    const refused = await install('--context', 'a;b');
    assert.equal(refused.status, 2);
    assert.match(refused.stderr.text, /Nagios cannot take the context "a;b"/u);
  });

  test('they go when they are taken back', async () => {
    const { status } = await runForTest(['monitor', 'nrpe-remove', '--directory', server.root]);
    assert.equal(status, 0);
    assert.deepEqual(await readdir(path.join(server.root, 'var/lib/nagios/export')), []);
    assert.deepEqual(await readdir(path.join(server.root, 'etc/nagios/nrpe.d')), ['own.cfg']);
    assert.deepEqual(await readdir(path.dirname(path.join(server.root, PLUGIN))), []);
    const again = await runForTest(['monitor', 'nrpe-remove', '--directory', server.root]);
    assert.match(again.stderr.text, /Nothing had to be changed/u);
  });
});
