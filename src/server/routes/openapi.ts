import { Hono } from 'hono';

import { apiDescription } from '../api-description.ts';
import type { ServerContext } from '../server-context.ts';

/** The description of the API for programs. */
export function openApiRoutes({ version }: ServerContext): Hono {
  const routes = new Hono();
  routes.get('/openapi.json', ({ json }) => json(apiDescription(version)));
  return routes;
}
