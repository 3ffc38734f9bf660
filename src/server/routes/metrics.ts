import { Hono } from 'hono';

import { metricsText } from '../../service/status/metrics-text.ts';
import { readServiceStatus } from '../../service/status/service-status.ts';
import { bearerGuard } from '../guards.ts';
import type { ServerContext } from '../server-context.ts';

/** `/metrics` for Prometheus. */
export function metricsRoutes(context: ServerContext): Hono {
  const routes = new Hono();
  if (context.isMetricsPrivate === true) routes.use('/metrics', bearerGuard(context.token));
  routes.get('/metrics', async ({ req, body }) => {
    const status = await readServiceStatus(context, { signal: req.raw.signal });
    return body(metricsText(status), 200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    });
  });
  return routes;
}
