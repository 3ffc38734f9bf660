import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { systemClock, type Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { BackupJob } from '../model/job.ts';
import { Feed } from '../service/feed.ts';
import type { RunEvent } from '../service/run-event.ts';
import { createLog, type LogLine } from '../service/log.ts';
import { JobStatuses } from '../service/status/job-statuses.ts';
import { catalogOfRuns, type CatalogOfRuns } from '#test/support/catalog-of-runs.ts';
import { createApp } from './app.ts';
import type { ErrorBody } from './error-answer.ts';
import type { ServerContext } from './server-context.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const HOUR = 3_600_000;
const clock: Clock = { ...systemClock, now: () => NOW };
const TOKEN = 'token-of-the-test-0123456789';

const documents = {
  sources: ['/home'],
  schedule: 'daily',
  destinations: [{ url: 'sftp://me:hidden1@nas.example/backup', passphrase: 'hidden2' }],
} as const;

interface Shown {
  readonly name: string;
  readonly revision: number;
  readonly job: BackupJob;
}

describe('the HTTP interface', () => {
  let kept: CatalogOfRuns;
  let context: ServerContext;
  const lines: LogLine[] = [];
  const feed = new Feed<RunEvent>();
  const closing = new AbortController();

  before(async () => {
    kept = await catalogOfRuns(clock);
    const { catalog } = kept;
    const statuses = new JobStatuses({ catalog, clock, timeZone: 'UTC', hostName: 'host' });
    context = {
      catalog,
      clock,
      statuses,
      feed,
      log: createLog(clock.now, (line) => lines.push(line)),
      version: '1.2.3',
      hostName: 'host',
      token: new Secret(TOKEN),
      hostNames: ['localhost', '127.0.0.1'],
      closing: closing.signal,
    };
  });
  after(async () => {
    closing.abort();
    await kept[Symbol.asyncDispose]();
  });

  const call = (
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
    more: Partial<ServerContext> = {},
  ): Promise<Response> =>
    Promise.resolve(
      createApp({ ...context, ...more }).request(`http://localhost${path}`, {
        method,
        headers: {
          ...(path.startsWith('/api/') && { authorization: `Bearer ${TOKEN}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
  const read = async <Body>(answer: Promise<Response>, status: number): Promise<Body> => {
    const response = await answer;
    const text = await response.text();
    assert.equal(response.status, status, text);
    return (text === '' ? undefined : JSON.parse(text)) as Body;
  };
  const match = async (path: string): Promise<Record<string, string>> => ({
    'if-match': (await call('GET', path)).headers.get('etag')!,
  });

  test('lets nobody in without the token', async () => {
    for (const authorization of ['', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
      const body = await read<ErrorBody>(
        call('GET', '/api/v1/jobs', undefined, { authorization }),
        401,
      );
      assert.equal(body.code, 'http/unauthorized');
    }
    await read(call('GET', '/api/v1/nothing', undefined, { authorization: '' }), 401);
    await read(call('GET', '/api/v1/jobs'), 200);
  });

  test('answers under its own names only', async () => {
    const body = await read<ErrorBody>(
      call('GET', '/healthz', undefined, { host: 'evil.example' }),
      421,
    );
    assert.match(body.message, /not called "evil\.example"/u);
    await read(call('GET', '/healthz', undefined, { host: '127.0.0.1:8200' }), 200);
    await read(
      call('GET', '/healthz', undefined, { host: 'evil.example' }, { hostNames: undefined }),
      200,
    );
  });

  test('keeps a job, without telling its secrets', async () => {
    const made = await call('PUT', '/api/v1/jobs/documents', documents);
    assert.equal(made.status, 201);
    const shown = (await made.json()) as Shown;
    assert.equal(made.headers.get('etag'), `"${shown.revision}"`);
    assert.doesNotMatch(JSON.stringify(shown), /hidden/u);

    const path = '/api/v1/jobs/documents';
    const again = await read<Shown>(
      call('PUT', path, { ...shown.job, description: 'Letters' }, await match(path)),
      200,
    );
    assert.equal(again.job.description, 'Letters');
    const stored = (await kept.catalog.configuration.jobs.get('documents'))!.value as BackupJob;
    assert.deepEqual(stored.destinations, documents.destinations);
    assert.doesNotMatch(await (await call('GET', '/api/v1/jobs')).text(), /hidden/u);
  });

  test('changes single fields', async () => {
    const path = '/api/v1/jobs/documents';
    const patch = { description: null, retention: { keepDaily: 7 } };
    const { job } = await read<Shown>(call('PATCH', path, patch, await match(path)), 200);
    assert.equal(job.description, undefined);
    assert.deepEqual(job.retention, { keepDaily: 7 });
    const stored = (await kept.catalog.configuration.jobs.get('documents'))!.value as BackupJob;
    assert.deepEqual(stored.destinations, documents.destinations);
  });

  test('refuses a change that did not see the last one', async () => {
    const path = '/api/v1/jobs/documents';
    const untouched = await kept.catalog.configuration.jobs.get('documents');
    await read(call('PUT', path, documents), 428);
    await read(call('PUT', path, documents, { 'if-match': '"1000"' }), 412);
    await read(call('PUT', path, documents, { 'if-none-match': '*' }), 412);
    await read(call('PUT', '/api/v1/jobs/other', documents, { 'if-match': '"1"' }), 412);
    await read(call('DELETE', path), 428);
    assert.deepEqual(await kept.catalog.configuration.jobs.get('documents'), untouched);
  });

  test('refuses a broken job with a sentence for each field, and changes nothing', async () => {
    const path = '/api/v1/jobs/documents';
    const untouched = await kept.catalog.configuration.jobs.get('documents');
    const wrong = { ...documents, timeout: 'soon', shedule: 'daily', notify: ['pager'] };
    const body = await read<ErrorBody>(call('PUT', path, wrong, await match(path)), 422);
    assert.equal(body.code, 'input/invalid');
    const said = body.problems!.map((one) => `${one.path}: ${one.message}`).join('\n');
    assert.match(said, /timeout: "soon" is not a duration/u);
    assert.match(said, /shedule: .*did you mean "schedule"\?/u);
    const fields = { ...documents, schedule: '* * * *' };
    const cron = await read<ErrorBody>(call('PUT', path, fields, await match(path)), 422);
    assert.match(cron.message, /4 fields/u);
    assert.deepEqual(
      cron.problems?.map((one) => one.path),
      ['schedule'],
    );
    const unknown = { ...documents, notify: ['pager'] };
    const other = await read<ErrorBody>(call('PUT', path, unknown, await match(path)), 422);
    assert.match(other.message, /There is no channel "pager"/u);
    assert.deepEqual(await kept.catalog.configuration.jobs.get('documents'), untouched);
  });

  test('refuses what is no JSON, too long, or has another name', async () => {
    const path = '/api/v1/jobs/documents';
    await read(call('PUT', path, undefined, { 'content-type': 'text/plain' }), 415);
    const deep = `{"environment": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    for (const text of ['{"sources": [', deep]) {
      const broken = createApp(context).request(`http://localhost${path}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: text,
      });
      await read(Promise.resolve(broken), 400);
    }
    const long = { ...documents, description: 'x'.repeat(1024 * 1024) };
    await read(call('PUT', path, long, await match(path)), 413);
    const body = await read<ErrorBody>(
      call('PUT', path, { ...documents, name: 'other' }, await match(path)),
      422,
    );
    assert.match(body.message, /Must be "documents"/u);
    await read(call('PUT', '/api/v1/jobs/no%20name', documents), 422);
    assert.match(
      (await read<ErrorBody>(call('GET', '/api/v1/jobs/document'), 404)).hint!,
      /"documents"/u,
    );
  });

  test('leaves alone what comes from a file', async () => {
    const file: BackupJob = {
      ...documents,
      kind: 'backup',
      name: 'from-file',
      destinations: [{ url: '/b' }],
    };
    await kept.catalog.configuration.jobs.save('from-file', file, {
      revision: undefined,
      origin: '/etc/holdfast/holdfast.yaml',
    });
    const path = '/api/v1/jobs/from-file';
    const body = await read<ErrorBody>(call('PUT', path, documents, await match(path)), 409);
    assert.match(body.message, /comes from "\/etc\/holdfast\/holdfast\.yaml"/u);
    await read(call('DELETE', path, undefined, await match(path)), 409);
  });

  test('does not take away what a job needs', async () => {
    await read(call('PUT', '/api/v1/channels/ops', { type: 'ntfy', topic: 'hidden3' }), 201);
    await read(call('PUT', '/api/v1/jobs/telling', { ...documents, notify: ['ops'] }), 201);
    const path = '/api/v1/channels/ops';
    const body = await read<ErrorBody>(call('DELETE', path, undefined, await match(path)), 422);
    assert.match(body.message, /no channel "ops"/u);
    const job = '/api/v1/jobs/telling';
    await read(call('DELETE', job, undefined, await match(job)), 204);
    await read(call('DELETE', path, undefined, await match(path)), 204);
  });

  test('tries a channel', async () => {
    await read(call('PUT', '/api/v1/channels/web', { type: 'nfty', topic: 'x' }), 422);
    await read(call('PUT', '/api/v1/channels/web', { url: 'ntfy://ntfy.sh/hidden4' }), 201);
    const tried: string[] = [];
    const good = { testChannel: async (name: string) => void tried.push(name) };
    await read(call('POST', '/api/v1/channels/web/test', undefined, {}, good), 200);
    assert.deepEqual(tried, ['web']);
    const bad = {
      testChannel: () => Promise.reject(new AppError('notify/refused', 'The server says no')),
    };
    const body = await read<ErrorBody>(
      call('POST', '/api/v1/channels/web/test', undefined, {}, bad),
      502,
    );
    assert.equal(body.message, 'The server says no');
  });

  test('runs a job, tells of the run, and cancels it', async () => {
    const answer = await call('POST', '/api/v1/jobs/documents/run', {
      parameters: { type: 'full' },
    });
    assert.equal(answer.status, 202);
    const run = (await answer.json()) as {
      id: string;
      trigger: string;
      priority: number;
      keys: string[];
    };
    assert.equal(run.trigger, 'api');
    assert.equal(run.priority, 50);
    assert.ok(run.keys.includes('job:documents'));
    assert.equal(answer.headers.get('location'), `/api/v1/runs/${run.id}`);
    const listed = await read<{ id: string }[]>(
      call('GET', '/api/v1/runs?state=queued&job=documents'),
      200,
    );
    assert.deepEqual(
      listed.map(({ id }) => id),
      [run.id],
    );
    await read(call('POST', `/api/v1/runs/${run.id}/cancel`), 202);
    await read(call('POST', `/api/v1/runs/${run.id}/cancel`), 409);
    const over = await read<{ state: string }>(call('GET', `/api/v1/runs/${run.id}`), 200);
    assert.equal(over.state, 'cancelled');
    await read(call('POST', '/api/v1/jobs/documents/run', { activity: 'task' }), 422);
    await read(call('POST', '/api/v1/jobs/nothing/run'), 404);
    await read(call('GET', '/api/v1/runs?state=lost'), 400);
    await read(call('GET', '/api/v1/runs?limit=0'), 400);
    await read(call('GET', '/api/v1/runs/nothing'), 404);
  });

  test('tells what a run printed', async () => {
    const { id } = await kept.addRun('documents', 'failed', NOW - HOUR, {
      problem: { code: 'storage/unavailable', message: 'The server does not answer' },
      steps: [
        { name: 'before', kind: 'hook', startedAt: 1, outcome: 'succeeded' },
        { name: 'backup', kind: 'backup', startedAt: 2, outcome: 'failed', output: 'No route' },
      ],
    });
    assert.equal(
      await (await call('GET', `/api/v1/runs/${id}/output`)).text(),
      '---- backup ----\nNo route\n',
    );
    assert.equal(await (await call('GET', `/api/v1/runs/${id}/output?step=2`)).text(), 'No route');
    await read(call('GET', `/api/v1/runs/${id}/output?step=3`), 404);
    const run = await read<{ steps: { hasOutput: boolean; output?: string }[] }>(
      call('GET', `/api/v1/runs/${id}`),
      200,
    );
    assert.deepEqual(
      run.steps.map((step) => [step.hasOutput, step.output]),
      [
        [false, undefined],
        [true, undefined],
      ],
    );
  });

  test('tells whether backups are fresh, to everybody, without what went wrong', async () => {
    const bad = await call('GET', '/health/backups');
    assert.equal(bad.status, 503);
    const text = await bad.text();
    assert.match(text, /"status":"stale"/u);
    assert.doesNotMatch(text, /does not answer/u);
    await read(call('GET', '/health/backups?job=from-file'), 200);
    await read(call('GET', '/health/backups?job=nothing'), 404);
    await kept.addRun('documents', 'succeeded', NOW - HOUR / 2);
    await read(call('GET', '/health/backups'), 200);
  });

  test('tells what is next, and leaves out the next run', async () => {
    const path = '/api/v1/schedules?job=documents&count=2';
    const day = 24 * HOUR;
    const midnight = Date.UTC(2026, 10, 22);
    const entry = async () =>
      (await read<{ entry: string; next: number[] }[]>(call('GET', path), 200))[0]!;
    assert.deepEqual((await entry()).next, [midnight, midnight + day]);
    await read(call('POST', '/api/v1/jobs/documents/skip-next', { count: 1 }), 200);
    assert.deepEqual((await entry()).next, [midnight + day, midnight + 2 * day]);
    await read(call('POST', '/api/v1/jobs/documents/skip-next', { activity: 'drill' }), 409);
    await read(call('POST', '/api/v1/jobs/documents/skip-next', { count: -1 }), 422);
  });

  test('is live, and ready as long as runs are started', async () => {
    await read(call('GET', '/healthz'), 200);
    await read(call('GET', '/readyz'), 200);
    const body = await read<{ checks: Record<string, { message?: string }> }>(
      call('GET', '/readyz', undefined, {}, { standstill: () => 'No way to "db.internal"' }),
      503,
    );
    assert.equal(body.checks['scheduler']?.message, 'No runs are started just now');
    assert.doesNotMatch(JSON.stringify(body), /internal/u);
  });

  test('tells metrics, to whom it should', async () => {
    const open = await call('GET', '/metrics');
    assert.equal(open.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(
      await open.text(),
      /^holdfast_job_last_result\{job_name="documents",activity="backup"\} 0$/mu,
    );
    await read(call('GET', '/metrics', undefined, {}, { isMetricsPrivate: true }), 401);
  });

  test('keeps settings beside those of files', async () => {
    await kept.catalog.configuration.settings.save(
      '/etc/holdfast.yaml',
      { parallel: 4, hostname: 'from-file' },
      { revision: undefined, origin: '/etc/holdfast.yaml' },
    );
    await read(call('PUT', '/api/v1/settings', { parallel: 1 }), 200);
    const path = '/api/v1/settings';
    await read(call('PATCH', path, { history: '2Y' }), 428);
    const body = await read<{ settings: unknown; own: unknown }>(
      call('PATCH', path, { history: '2Y' }, await match(path)),
      200,
    );
    assert.deepEqual(body.own, { parallel: 1, history: '2Y' });
    assert.deepEqual(body.settings, { parallel: 1, history: '2Y', hostname: 'from-file' });
    await read(call('PUT', path, { parallel: 0 }, await match(path)), 422);
    const notify = [{ channel: 'pager' }];
    await read(call('PUT', path, { notify }, await match(path)), 422);
    await read(call('PUT', '/api/v1/periodicities/nightly', '0 25 * * *'), 422);
    await read(call('PUT', '/api/v1/periodicities/nightly', '0 3 * * *'), 201);
  });

  test('hands on what happens', { timeout: 60_000 }, async () => {
    const { id } = await kept.beginRun('documents', NOW);
    const run = (await kept.catalog.runs.get(id))!;
    const answer = await call('GET', '/api/v1/events?job=documents');
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    const until = async (wanted: RegExp): Promise<void> => {
      let text = '';
      while (!wanted.test(text)) {
        const { value, done } = await reader.read();
        assert.equal(done, false, text);
        text += value;
      }
    };
    await until(/event: ready\n[^]*\n\n/u);
    feed.publish({ type: 'run', run: { ...run, job: 'other' } });
    feed.publish({ type: 'run', run });
    await until(
      /^event: run\ndata: \{"type":"run","run":\{"id":"[^"]+","job":"documents"[^]*\n\n/u,
    );
    await reader.cancel();
  });

  test('says nothing of its own faults but that there was one', async () => {
    for (const fault of [
      new TypeError('x is undefined'),
      new AppError('internal', 'x is undefined'),
    ]) {
      const broken = { ...context.catalog, runs: { list: () => Promise.reject(fault) } };
      const body = await read<ErrorBody>(
        call('GET', '/api/v1/runs', undefined, {}, { catalog: broken as unknown as Catalog }),
        500,
      );
      assert.equal(body.code, 'internal');
      assert.doesNotMatch(JSON.stringify(body), /undefined/u);
      assert.equal(lines.pop()?.fields['error'], 'x is undefined');
    }
  });

  test('answers with headers that keep browsers from mischief', async () => {
    for (const path of ['/', '/api/v1/jobs', '/nothing']) {
      const { headers } = await call('GET', path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.match(headers.get('content-security-policy')!, /default-src 'none'/u);
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.equal(headers.get('access-control-allow-origin'), null);
    }
  });

  test('describes itself', async () => {
    const { paths } = await read<{ paths: Record<string, unknown> }>(
      call('GET', '/api/v1/openapi.json'),
      200,
    );
    const described = Object.keys(paths).map((path) => path.replaceAll(/\{(\w+)\}/gu, ':$1'));
    const served = createApp(context)
      .routes.filter(({ method, path }) => method !== 'ALL' && path !== '/')
      .map(({ path }) => path);
    assert.deepEqual(
      [...new Set(served)].filter(
        (path) => !described.includes(path) && !path.endsWith('openapi.json'),
      ),
      [],
    );
    assert.deepEqual(
      described.filter((path) => !served.includes(path)),
      [],
    );
  });
});
