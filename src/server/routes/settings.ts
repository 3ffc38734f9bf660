import { type Context, Hono } from 'hono';

import { checkConfiguration } from '../../configuration/check-configuration.ts';
import { ConfigurationError } from '../../configuration/configuration-problem.ts';
import { parseSettings } from '../../configuration/configuration-schema.ts';
import { scheduleProblems } from '../../configuration/periodicities.ts';
import { maskSecrets, unmaskSecrets } from '../../configuration/masked-secrets.ts';
import { mergePatch } from '../merge-patch.ts';
import { etagOf, expectedRevision, readJson } from '../request-reading.ts';
import type { ServerContext } from '../server-context.ts';

/** Settings that were made by the API have this name in the catalog; they count more than those of files. */
const OWN = 'api';

/** `settings` are those that count, `own` those among them that were set here and can be changed here. */
export function settingsRoutes(context: ServerContext): Hono {
  const { configuration: store } = context.catalog;
  const routes = new Hono();

  const answer = async (status: number): Promise<Response> => {
    const own = await store.settings.get(OWN);
    const { settings } = await store.read();
    return Response.json(
      { settings: maskSecrets(settings), own: maskSecrets(own?.value ?? {}) },
      { status, headers: own === undefined ? {} : { etag: etagOf(own.revision) } },
    );
  };

  const save = async (request: Context, change: (own: unknown) => unknown): Promise<Response> => {
    const before = await store.settings.get(OWN);
    const revision = expectedRevision(request.req, before, 'The setting');
    const written = change(maskSecrets(before?.value ?? {}));
    const settings = parseSettings(unmaskSecrets(written, before?.value));
    const whole = await store.read();
    const changed = { ...whole, settings: { ...whole.settings, ...settings } };
    const problems = [...checkConfiguration(changed).problems, ...scheduleProblems(changed)];
    const own = problems.flatMap((one) =>
      one.path[0] === 'settings' ? [{ ...one, path: one.path.slice(1) }] : [],
    );
    if (own.length > 0) throw new ConfigurationError(own, 'The settings');
    await store.settings.save(OWN, settings, { revision, origin: OWN });
    return await answer(200);
  };

  routes.get('/', () => answer(200));
  routes.put('/', async (request) => {
    const written = await readJson(request.req);
    return await save(request, () => written);
  });
  routes.patch('/', async (request) => {
    const patch = await readJson(request.req);
    return await save(request, (own) => mergePatch(own, patch));
  });
  return routes;
}
