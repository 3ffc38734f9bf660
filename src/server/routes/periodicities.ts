import type { Hono } from 'hono';

import { parseSchedule } from '../../configuration/configuration-schema.ts';
import { documentRoutes } from '../document-resource.ts';
import type { ServerContext } from '../server-context.ts';

/** Schedules that jobs name. */
export function periodicityRoutes(context: ServerContext): Hono {
  return documentRoutes(context, {
    what: 'periodicity',
    section: 'periodicities',
    store: context.catalog.configuration.periodicities,
    parse: (_, written) => parseSchedule(written),
    put(configuration, name, value) {
      const { [name]: _old, ...others } = configuration.periodicities;
      const periodicities = value === undefined ? others : { ...others, [name]: value };
      return { ...configuration, periodicities };
    },
  });
}
