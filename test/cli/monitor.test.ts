import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { type Clock, systemClock } from '../../src/base/clock.ts';
import { Secret } from '../../src/base/secret.ts';
import type { BackupJob } from '../../src/model/job.ts';
import { startHttpServer } from '../../src/server/start-http-server.ts';
import { Feed } from '../../src/service/feed.ts';
import { silentLog } from '../../src/service/log.ts';
import { JobStatuses } from '../../src/service/status/job-statuses.ts';
import { publishStatus } from '../../src/service/status/status-publisher.ts';
import { type CatalogOfRuns, catalogOfRuns } from '../support/catalog-of-runs.ts';
import { type CommandLineOptions, runForTest } from './command-line.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 21, 12);
const clock: Clock = { ...systemClock, now: () => NOW };

const job: BackupJob = {
  kind: 'backup',
  name: 'documents',
  sources: ['/home'],
  destinations: [{ url: 'file:///backups', passphrase: 'hidden1' }],
  schedule: 'daily',
};

describe('monitoring by the command line', () => {
  let kept: CatalogOfRuns;

  before(async () => {
    kept = await catalogOfRuns(clock);
    await kept.addJob(job);
    await kept.addJob({ ...job, name: 'pictures' });
    await kept.addJob({ ...job, name: 'old', enabled: false });
    await kept.addRun('documents', 'succeeded', NOW - 2 * HOUR);
    await kept.addRun('documents', 'succeeded', NOW - HOUR, { activity: 'drill' });
    await kept.addRun('pictures', 'failed', NOW - HOUR, {
      problem: { code: 'x', message: 'The disk\u001b[2J is full' },
    });
    await kept.beginRun('pictures', NOW);
  });
  after(() => kept[Symbol.asyncDispose]());

  const monitor = (words: readonly string[], options: CommandLineOptions = {}) =>
    runForTest(['monitor', ...words, '--state-dir', kept.directory], {
      ...options,
      context: { clock, ...options.context },
    });
  const context = () => {
    const { catalog } = kept;
    const statuses = new JobStatuses({ catalog, clock, timeZone: 'UTC', hostName: 'host' });
    return { catalog, clock, statuses, version: '1', hostName: 'host' };
  };

  test('status shows every job', async () => {
    const { status, stdout, stderr } = await monitor(['status']);
    assert.equal(status, 0, stderr.text);
    assert.deepEqual(stdout.text.trimEnd().split('\n'), [
      'Job        Last success    Next run             Proven restorable  Status',
      'documents  2 h 00 min ago  2026-11-22 00:00:00  1 h 00 min ago     ok',
      'old        never                                never              disabled',
      'pictures   never           2026-11-22 00:00:00  never              failed, running: The disk\\x1b[2J is full',
    ]);
    assert.match(stderr.text, /1 under way, 0 waiting/u);
  });

  test('status of single jobs, for programs, in colours', async () => {
    const { stdout } = await monitor(['status', '--json', '--job', 'documents']);
    const [record, ...others] = stdout.records;
    assert.deepEqual(others, []);
    assert.equal(record?.['verdict'], 'ok');
    assert.equal(record['lastProvenRestorable'], NOW - HOUR);
    const unknown = await monitor(['status', '--job', 'document']);
    assert.equal(unknown.status, 1);
    assert.match(
      unknown.stderr.text,
      /There is no job "document"\nhint: Did you mean "documents"\?/u,
    );
    const terminal = {
      interactive: false,
      output: true,
      progress: false,
      columns: () => 80,
      colour: true,
    };
    const { stdout: shown } = await monitor(['status'], { context: { terminal } });
    assert.ok(shown.text.includes('\u001b[31mfailed, running\u001b[39m: The disk'));
  });

  test('metrics and status come from a status file, too', async () => {
    const { directory } = kept;
    await publishStatus({ ...context(), stateDirectory: directory }, undefined);
    const file = `${directory}/status.json`;
    const fromCatalog = await monitor(['metrics']);
    const fromFile = await monitor(['metrics', '--status-file', file]);
    const without = (text: string): string => text.replaceAll(/^holdfast_build_info.*$/gmu, '');
    assert.match(
      fromCatalog.stdout.text,
      /^holdfast_job_last_result\{job_name="pictures",activity="backup"\} 2$/mu,
    );
    assert.equal(without(fromFile.stdout.text), without(fromCatalog.stdout.text));
    const { stdout } = await monitor([
      'status',
      '--status-file',
      file,
      '--job',
      'pictures',
      '--json',
    ]);
    assert.equal(stdout.records[0]?.['verdict'], 'failed');
    const missing = await monitor(['status', '--status-file', `${directory}/none.json`]);
    assert.equal(missing.status, 2);
    assert.match(missing.stderr.text, /it is not there/u);
  });

  test('nagios is the same wherever the flags stand', async () => {
    const file = `--status-file=${kept.directory}/status.json`;
    const plain = await monitor(['nagios', file]);
    assert.equal(plain.status, 1);
    assert.match(
      plain.stdout.text,
      /^WARNING: Backup not completed successfully: pictures: The disk/u,
    );
    assert.equal(plain.stderr.text, '');
    const json = await runForTest(['--json', 'monitor', 'nagios', file], { context: { clock } });
    assert.equal(json.stdout.records[0]?.['status'], 1);
    const wrong = await monitor(['nagios', '--chekc', 'backup']);
    assert.deepEqual([wrong.status, wrong.stderr.text], [3, '']);
    assert.match(wrong.stdout.text, /^UNKNOWN: .*"--chekc".*\n.*--check/u);
    const help = await monitor(['nagios', '--help']);
    assert.equal(help.status, 0);
  });

  test('health asks a service', async () => {
    await using http = await startHttpServer({
      ...context(),
      feed: new Feed(),
      log: silentLog,
      token: new Secret('a token that nobody needs'),
      listen: '127.0.0.1:0',
      standstill: () => 'The scheduler has ended',
    });
    const health = async (...words: readonly string[]) => {
      const { status, stdout } = await runForTest([
        'monitor',
        'health',
        '--url',
        http.url,
        ...words,
      ]);
      return [status, stdout.text.trimEnd()];
    };
    assert.deepEqual(await health(), [0, 'well']);
    assert.deepEqual(await health('--check', 'ready'), [1, 'the answer is 503']);
    assert.deepEqual(await health('--check', 'backups'), [1, 'the answer is 503']);
    await http[Symbol.asyncDispose]();
    const [status, reason] = await health();
    assert.equal(status, 1);
    assert.match(String(reason), /ECONNREFUSED/u);
    const wrong = await runForTest(['monitor', 'health', '--url', 'ftp://x']);
    assert.equal(wrong.status, 2);
  });
});
