import { Hono } from 'hono';

import { HttpError } from '../error-answer.ts';
import { numberParameter } from '../request-reading.ts';
import type { ServerContext } from '../server-context.ts';

/** What runs next: of all jobs, or with `?job=` of one; `?count=` says how many of each schedule. */
export function scheduleRoutes({ catalog, clock, statuses }: ServerContext): Hono {
  const routes = new Hono();
  routes.get('/', async ({ req, json }) => {
    const options = { signal: req.raw.signal };
    const name = req.query('job');
    const count = numberParameter(req, 'count', { otherwise: 5, least: 1, most: 100 })!;
    const outlook = await statuses.outlook(options);
    const { jobs } = await statuses.configuration(options);
    const wanted = name === undefined ? jobs : jobs.filter((job) => job.name === name);
    if (name !== undefined && wanted.length === 0) {
      throw new HttpError(404, 'not-found', `There is no job "${name.slice(0, 100)}"`);
    }
    const states = await catalog.schedules.list(options);
    const now = clock.now();
    return json(
      wanted.flatMap((job) =>
        outlook.upcoming(job, states, now, count).map(({ entry, skipNext, at }) => ({
          entry: entry.entry,
          job: entry.job,
          activity: entry.activity,
          schedule: entry.schedule,
          enabled: job.enabled !== false,
          skipNext,
          next: at,
        })),
      ),
    );
  });
  return routes;
}
