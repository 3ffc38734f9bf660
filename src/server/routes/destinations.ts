import type { Hono } from 'hono';

import { parseDestination } from '../../configuration/configuration-schema.ts';
import { documentRoutes } from '../document-resource.ts';
import type { ServerContext } from '../server-context.ts';

/** Destinations that jobs name. */
export function destinationRoutes(context: ServerContext): Hono {
  return documentRoutes(context, {
    what: 'destination',
    section: 'destinations',
    store: context.catalog.configuration.destinations,
    parse: (_, written) => parseDestination(written),
    put(configuration, name, value) {
      const { [name]: _old, ...others } = configuration.destinations;
      const destinations = value === undefined ? others : { ...others, [name]: value };
      return { ...configuration, destinations };
    },
  });
}
