import { Hono } from 'hono';

import { readServiceStatus } from '../../service/status/service-status.ts';
import type { ServerContext } from '../server-context.ts';

/** How everything stands: what the status file holds. */
export function statusRoutes(context: ServerContext): Hono {
  const routes = new Hono();
  routes.get('/', async ({ req, json }) =>
    json(await readServiceStatus(context, { signal: req.raw.signal })),
  );
  return routes;
}
