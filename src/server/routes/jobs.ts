import type { Context, Hono } from 'hono';

import type { Kept } from '../../catalog/catalog.ts';
import { ConfigurationError } from '../../configuration/configuration-problem.ts';
import { parseJob } from '../../configuration/configuration-schema.ts';
import { activities, type Activity, type Job } from '../../model/job.ts';
import { isOver } from '../../model/run.ts';
import { priorityOf, runKeys } from '../../model/run-keys.ts';
import { mainActivityOf, scheduleEntries } from '../../model/schedule/schedule-entries.ts';
import { documentRoutes, findDocument } from '../document-resource.ts';
import { HttpError } from '../error-answer.ts';
import { readJsonObject } from '../request-reading.ts';
import { parseRunRequest, parseSkipRequest } from '../run-request.ts';
import type { ServerContext } from '../server-context.ts';

/** Jobs, and what can be done with one. */
export function jobRoutes(context: ServerContext): Hono {
  const { catalog, clock, statuses } = context;
  const resource = {
    what: 'job',
    section: 'jobs',
    store: catalog.configuration.jobs,
    parse: (name: string, written: unknown): Job => parseJob(name, withoutName(name, written)),
    put: (configuration, name, value) => ({
      ...configuration,
      jobs: [
        ...configuration.jobs.filter((job) => job.name !== name),
        ...(value === undefined ? [] : [value]),
      ],
    }),
  } satisfies Parameters<typeof documentRoutes<Job>>[1];
  const find = async (request: Context, name: string): Promise<Kept<Job>> =>
    await findDocument(resource, name, { signal: request.req.raw.signal });

  const routes = documentRoutes(context, resource);

  routes.get('/:name/status', async (request) => {
    const { name } = (await find(request, request.req.param('name'))).value;
    const all = await statuses.read({ signal: request.req.raw.signal });
    return request.json(all.find(({ job }) => job === name) ?? null);
  });

  routes.post('/:name/run', async (request) => {
    const { value: job } = await find(request, request.req.param('name'));
    const wanted = parseRunRequest(await readJsonObject(request.req));
    const activity = wanted.activity ?? mainActivityOf(job);
    refuseForeignActivity(job, activity);
    const configuration = await statuses.configuration();
    const run = await catalog.queue.add(
      {
        job: job.name,
        activity,
        trigger: 'api',
        priority: priorityOf('api', activity),
        keys: runKeys(job, configuration, activity),
        ...(wanted.parameters !== undefined && { parameters: wanted.parameters }),
      },
      clock.now(),
    );
    return request.json(run, 202, { location: `/api/v1/runs/${run.id}` });
  });

  routes.post('/:name/skip-next', async (request) => {
    const { value: job } = await find(request, request.req.param('name'));
    const { activity = mainActivityOf(job), count } = parseSkipRequest(
      await readJsonObject(request.req),
    );
    const entries = scheduleEntries(job).filter((entry) => entry.activity === activity);
    if (entries.length === 0) {
      throw new HttpError(409, 'no-schedule', `"${job.name}" has no schedule for "${activity}"`);
    }
    const known = await catalog.schedules.list();
    for (const { entry } of entries) {
      // The scheduler has not come to a job that was made a moment ago.
      if (!known.has(entry)) await catalog.schedules.begin([entry], clock.now());
      await catalog.schedules.skipNext(entry, count);
    }
    return request.json({ job: job.name, activity, skipNext: count });
  });

  routes.post('/:name/cancel', async (request) => {
    const { value: job } = await find(request, request.req.param('name'));
    const running = await catalog.runs.list({ job: job.name, states: ['queued', 'running'] });
    const open = running.filter((run) => !isOver(run));
    for (const { id } of open) await catalog.queue.cancel(id, clock.now());
    return request.json({ job: job.name, cancelled: open.map(({ id }) => id) }, 202);
  });

  return routes;
}

/** The key says what it is called; a document that was read may say it as well. */
function withoutName(name: string, written: unknown): unknown {
  if (typeof written !== 'object' || written === null || !('name' in written)) return written;
  const { name: own, ...rest } = written;
  if (own === name) return rest;
  throw new ConfigurationError(
    [{ path: ['name'], message: `Must be "${name}", as in the address` }],
    `The job "${name}"`,
  );
}

function refuseForeignActivity(job: Job, activity: Activity): void {
  const possible: readonly Activity[] =
    job.kind === 'backup'
      ? activities.filter((one) => one !== 'task' && one !== 'commands')
      : [job.kind];
  if (possible.includes(activity)) return;
  throw new ConfigurationError(
    [
      {
        path: ['activity'],
        message: `"${job.name}" can do ${possible.join(', ')}, not "${activity}"`,
      },
    ],
    'The run',
  );
}
