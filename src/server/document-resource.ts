import { type Context, Hono } from 'hono';

import { didYouMean } from '../base/did-you-mean.ts';
import type { DocumentStore, Kept } from '../catalog/catalog.ts';
import { checkConfiguration } from '../configuration/check-configuration.ts';
import {
  ConfigurationError,
  type ConfigurationProblem,
  problemsOf,
} from '../configuration/configuration-problem.ts';
import { maskSecrets, unmaskSecrets } from '../configuration/masked-secrets.ts';
import { scheduleProblems } from '../configuration/periodicities.ts';
import { name as nameSchema } from '../configuration/schema/values.ts';
import type { Configuration } from '../model/configuration.ts';
import { HttpError } from './error-answer.ts';
import { mergePatch } from './merge-patch.ts';
import { etagOf, expectedRevision, readJson } from './request-reading.ts';
import type { ServerContext } from './server-context.ts';

/** One kind of document of the configuration. */
export interface DocumentResource<Value> {
  /** In the singular, for sentences: `job`. */
  readonly what: string;
  /** Where documents of this kind stand in a configuration: `jobs`. */
  readonly section: keyof Configuration;
  readonly store: DocumentStore<Value>;
  readonly kind?: 'channel';
  /** Reads what was sent. Throws `ConfigurationError`. */
  parse(name: string, written: unknown): Value;
  /** The configuration with this document in it, or without it. */
  put(configuration: Configuration, name: string, value: Value | undefined): Configuration;
}

/** What the API changes is told apart from what files say. */
const ORIGIN = 'api';

/**
 * List, read, make, change and delete documents of one kind. Their secrets are masked; a mask that comes back stands for the secret that is there. What
 * makes no sense is refused with a sentence for each field, and nothing has changed.
 */
export function documentRoutes<Value>(
  context: ServerContext,
  resource: DocumentResource<Value>,
): Hono {
  const { store, what } = resource;
  const routes = new Hono();
  const named = (name: string): string => `The ${what} "${name}"`;
  const signalOf = ({ req }: Context): { signal: AbortSignal } => ({ signal: req.raw.signal });

  routes.get('/', async (request) => {
    const all = await store.list(signalOf(request));
    return request.json([...all].map(([name, kept]) => shown(resource, name, kept)));
  });

  routes.get('/:name', async (request) => {
    const name = request.req.param('name');
    const kept = await findDocument(resource, name, signalOf(request));
    return answer(shown(resource, name, kept), kept.revision, 200);
  });

  const save = async (
    request: Context,
    name: string,
    before: Kept<Value> | undefined,
    written: unknown,
  ): Promise<Response> => {
    const revision = expectedRevision(request.req, before, named(name));
    checkName(name, named(name));
    refuseForeign(before, named(name));
    const value = resource.parse(name, unmaskSecrets(written, before?.value, resource.kind));
    await refuseProblems(context, resource, name, value);
    // From here on it is done as a whole, whether or not the client waits.
    const saved = await store.save(name, value, { revision, origin: ORIGIN });
    const kept = { value, revision: saved, origin: ORIGIN };
    return answer(shown(resource, name, kept), saved, before === undefined ? 201 : 200);
  };

  routes.put('/:name', async (request) => {
    const name = request.req.param('name');
    const written = await readJson(request.req);
    return await save(request, name, await store.get(name, signalOf(request)), written);
  });

  routes.patch('/:name', async (request) => {
    const name = request.req.param('name');
    const patch = await readJson(request.req);
    const before = await findDocument(resource, name, signalOf(request));
    const merged = mergePatch(maskSecrets(before.value, resource.kind), patch);
    return await save(request, name, before, merged);
  });

  routes.delete('/:name', async (request) => {
    const name = request.req.param('name');
    const before = await findDocument(resource, name, signalOf(request));
    const revision = expectedRevision(request.req, before, named(name));
    refuseForeign(before, named(name));
    await refuseProblems(context, resource, name, undefined);
    await store.remove(name, revision!);
    return request.body(null, 204);
  });

  return routes;
}

/** A document as it is shown. */
function shown<Value>(
  { what, kind }: DocumentResource<Value>,
  name: string,
  { value, revision, origin }: Kept<Value>,
): Readonly<Record<string, unknown>> {
  return { name, revision, origin, [what]: maskSecrets(value, kind) };
}

/** The document of this name. Throws 404, with the nearest name. */
export async function findDocument<Value>(
  { store, what }: DocumentResource<Value>,
  name: string,
  options: { readonly signal: AbortSignal },
): Promise<Kept<Value>> {
  const kept = await store.get(name, options);
  if (kept !== undefined) return kept;
  const nearest = didYouMean(name, [...(await store.list(options)).keys()]);
  throw new HttpError(404, 'not-found', `There is no ${what} "${name}"`, {
    ...(nearest !== undefined && { hint: `Did you mean "${nearest}"?` }),
  });
}

function checkName(name: string, named: string): void {
  const result = nameSchema.safeParse(name);
  if (!result.success) throw new ConfigurationError(problemsOf(result.error, ['name']), named);
}

/** The next reload of the file would undo the change. */
function refuseForeign(kept: Kept<unknown> | undefined, named: string): void {
  if (kept === undefined || kept.origin === ORIGIN) return;
  const place =
    kept.origin === 'environment' ? 'the environment of the service' : `"${kept.origin}"`;
  throw new HttpError(409, 'held-elsewhere', `${named} comes from ${place}`, {
    hint: 'Change it there, or make one with another name',
  });
}

/** A change may not break what was whole; what was broken before is not its fault. */
async function refuseProblems<Value>(
  { catalog }: ServerContext,
  resource: DocumentResource<Value>,
  name: string,
  value: Value | undefined,
): Promise<void> {
  const before = await catalog.configuration.read();
  const known = problemsByText(before);
  const own = [...problemsByText(resource.put(before, name, value))].filter(
    ([text]) => !known.has(text),
  );
  if (own.length === 0) return;
  const { section, what } = resource;
  const isOwn = ({ path }: ConfigurationProblem): boolean =>
    path[0] === section && path[1] === name;
  throw new ConfigurationError(
    // What is wrong with the document itself is told by its own fields, as the schema does.
    own.map(([, one]) => (isOwn(one) ? { ...one, path: one.path.slice(2) } : one)),
    own.every(([, one]) => isOwn(one)) ? `The ${what} "${name}"` : undefined,
  );
}

/** Everything that is wrong, once. */
function problemsByText(configuration: Configuration): ReadonlyMap<string, ConfigurationProblem> {
  const all = [...checkConfiguration(configuration).problems, ...scheduleProblems(configuration)];
  return new Map(all.map((problem) => [JSON.stringify(problem), problem]));
}

function answer(body: unknown, revision: number, status: number): Response {
  return Response.json(body, { status, headers: { etag: etagOf(revision) } });
}
