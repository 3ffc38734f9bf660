import type { Hono } from 'hono';

import { parseChannel } from '../../configuration/configuration-schema.ts';
import type { ChannelSettings } from '../../model/channel.ts';
import { documentRoutes, findDocument } from '../document-resource.ts';
import { HttpError } from '../error-answer.ts';
import type { ServerContext } from '../server-context.ts';

/** Whom to tell. */
export function channelRoutes(context: ServerContext): Hono {
  const resource = {
    what: 'channel',
    section: 'channels',
    kind: 'channel',
    store: context.catalog.configuration.channels,
    parse: (_: string, written: unknown): ChannelSettings => parseChannel(written),
    put(configuration, name, value) {
      const { [name]: _old, ...others } = configuration.channels;
      const channels = value === undefined ? others : { ...others, [name]: value };
      return { ...configuration, channels };
    },
  } satisfies Parameters<typeof documentRoutes<ChannelSettings>>[1];
  const routes = documentRoutes(context, resource);

  routes.post('/:name/test', async (request) => {
    const options = { signal: request.req.raw.signal };
    const name = request.req.param('name');
    const { value } = await findDocument(resource, name, options);
    if (context.testChannel === undefined) {
      throw new HttpError(501, 'not-implemented', 'This server sends no reports');
    }
    await context.testChannel(name, value, options);
    return request.json({ channel: name, sent: true });
  });

  return routes;
}
