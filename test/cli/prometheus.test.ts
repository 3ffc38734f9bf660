import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { systemClock } from '../../src/base/clock.ts';
import { Secret } from '../../src/base/secret.ts';
import { startHttpServer } from '../../src/server/start-http-server.ts';
import { Feed } from '../../src/service/feed.ts';
import { silentLog } from '../../src/service/log.ts';
import { JobStatuses } from '../../src/service/status/job-statuses.ts';
import {
  prometheusPrograms,
  type PrometheusSample,
  type PrometheusServer,
  startPrometheus,
} from '../servers/prometheus.ts';
import { missingPrograms } from '../servers/required-programs.ts';
import { catalogOfRuns } from '../support/catalog-of-runs.ts';

/** The rules that the guide recommends. */
async function recommendedRules(): Promise<string> {
  const guide = path.resolve(import.meta.dirname, '../../docs/guide/monitoring.md');
  const blocks = (await readFile(guide, 'utf8')).matchAll(/^```yaml\n([^]*?)^```$/gmu);
  const rules = [...blocks].map(([, text = '']) => text).find((text) => text.startsWith('groups:'));
  assert.ok(rules !== undefined);
  return rules;
}

/** What a query gives once it gives anything: the first scrape comes within a second. */
async function eventually(
  prometheus: PrometheusServer,
  expression: string,
): Promise<readonly PrometheusSample[]> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const samples = await prometheus.query(expression);
    if (samples.length > 0) return samples;
    assert.ok(performance.now() < deadline, `"${expression}" gives nothing`);
    await sleep(50);
  }
}

describe('Prometheus', { skip: missingPrograms(prometheusPrograms) }, () => {
  test('scrapes the service, and rings by the rules of the guide', async () => {
    await using kept = await catalogOfRuns(systemClock);
    const { catalog } = kept;
    await kept.addJob({
      kind: 'backup',
      name: 'documents',
      sources: ['/home'],
      destinations: [{ url: 'file:///backups' }],
      schedule: 'daily',
    });
    await kept.addRun('documents', 'failed', Date.now() - 60_000);
    const clock = systemClock;
    await using http = await startHttpServer({
      catalog,
      clock,
      statuses: new JobStatuses({ catalog, clock, timeZone: 'UTC', hostName: 'host' }),
      feed: new Feed(),
      log: silentLog,
      version: '1.2.3',
      hostName: 'host',
      token: new Secret('not needed for metrics'),
      listen: '127.0.0.1:0',
    });
    // A rule that waits for a quarter of an hour cannot be seen to ring here.
    const rules = await recommendedRules();
    await using prometheus = await startPrometheus(`127.0.0.1:${http.address.port}`, rules);
    const [result] = await eventually(prometheus, 'holdfast_job_last_result');
    assert.deepEqual(
      [result?.value, result?.labels['job_name'], result?.labels['job']],
      ['2', 'documents', 'holdfast'],
    );
    const [alert] = await eventually(prometheus, 'ALERTS{alertname="BackupFailed"}');
    assert.equal(alert?.labels['alertstate'], 'firing');
  });
});
