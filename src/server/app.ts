import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';

import { errorAnswer, HttpError } from './error-answer.ts';
import { bearerGuard, hostGuard, securityHeaders } from './guards.ts';
import { channelRoutes } from './routes/channels.ts';
import { destinationRoutes } from './routes/destinations.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { jobRoutes } from './routes/jobs.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { openApiRoutes } from './routes/openapi.ts';
import { periodicityRoutes } from './routes/periodicities.ts';
import { runRoutes } from './routes/runs.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { settingsRoutes } from './routes/settings.ts';
import { statusRoutes } from './routes/status.ts';
import type { ServerContext } from './server-context.ts';

/** No document is larger than this. */
const LARGEST_BODY = 1024 * 1024;

/** The HTTP interface as a function from requests to answers: `app.request(…)` in tests, `listen` in the service. */
export function createApp(context: ServerContext): Hono {
  const app = new Hono();
  app.use(securityHeaders);
  app.use(hostGuard(context.hostNames));
  app.onError((error) => errorAnswer(error, context.log));
  app.notFound(({ req }) =>
    errorAnswer(new HttpError(404, 'not-found', `There is nothing at "${req.path}"`), context.log),
  );
  app.get('/', ({ text }) =>
    text(
      `Holdfast ${context.version}\n\nIts API is at /api/v1 (/api/v1/openapi.json describes it), its health at /healthz, /readyz and /health/backups, its metrics at /metrics.\n`,
    ),
  );
  app.route('/', healthRoutes(context));
  app.route('/', metricsRoutes(context));
  app.route('/api/v1', createApi(context));
  return app;
}

function createApi(context: ServerContext): Hono {
  const api = new Hono();
  api.use(bearerGuard(context.token));
  api.use(
    bodyLimit({
      maxSize: LARGEST_BODY,
      onError: () => {
        throw new HttpError(413, 'too-large', 'The request has more than 1 MiB');
      },
    }),
  );
  api.route('/jobs', jobRoutes(context));
  api.route('/destinations', destinationRoutes(context));
  api.route('/channels', channelRoutes(context));
  api.route('/periodicities', periodicityRoutes(context));
  api.route('/settings', settingsRoutes(context));
  api.route('/runs', runRoutes(context));
  api.route('/schedules', scheduleRoutes(context));
  api.route('/status', statusRoutes(context));
  api.route('/events', eventRoutes(context));
  api.route('/', openApiRoutes(context));
  return api;
}
