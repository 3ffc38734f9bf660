import { Hono } from 'hono';

import { messageOf } from '../../base/errors.ts';
import { freshnessOf } from '../../service/status/freshness.ts';
import { HttpError } from '../error-answer.ts';
import type { ServerContext } from '../server-context.ts';

/** A database that does not answer for so long is not there, in milliseconds. */
const PATIENCE = 5000;

/**
 * For supervisors and load balancers; no token is needed, so nothing but names, verdicts and times is told. `/healthz`: the process answers. `/readyz`:
 * it can work. `/health/backups`: whether every backup is as fresh as it should be.
 */
export function healthRoutes(context: ServerContext): Hono {
  const { catalog } = context;
  const routes = new Hono();

  routes.get('/healthz', ({ json }) => json({ status: 'live' }));

  routes.get('/readyz', async ({ json, req }) => {
    const checks: Record<string, { readonly ok: boolean; readonly message?: string }> = {};
    try {
      await catalog.configuration.revision({
        signal: AbortSignal.any([req.raw.signal, AbortSignal.timeout(PATIENCE)]),
      });
      checks['catalog'] = { ok: true };
    } catch (error) {
      context.log.warn('The catalog does not answer', { error: messageOf(error) });
      checks['catalog'] = { ok: false, message: 'The catalog does not answer' };
    }
    const reason = context.standstill?.();
    // The reason is in the log already: it may name the address of the catalog, which is not for everybody.
    checks['scheduler'] =
      reason === undefined ? { ok: true } : { ok: false, message: 'No runs are started just now' };
    const ok = Object.values(checks).every((check) => check.ok);
    return json({ status: ok ? 'ready' : 'not ready', checks }, ok ? 200 : 503);
  });

  routes.get('/health/backups', async ({ json, req }) => {
    const job = req.query('job');
    const all = await context.statuses.read({ signal: req.raw.signal });
    const wanted = job === undefined ? all : all.filter((one) => one.job === job);
    if (job !== undefined && wanted.length === 0) {
      throw new HttpError(404, 'not-found', `There is no job "${job.slice(0, 100)}"`);
    }
    const jobs = wanted.map(freshnessOf);
    const isFresh = jobs.every(({ fresh }) => fresh);
    return json({ status: isFresh ? 'fresh' : 'stale', jobs }, isFresh ? 200 : 503);
  });

  return routes;
}
