/** A process that queues runs as a server does, until it is killed. Tells on standard output, a line each, which run it queued. */
import { writeSync } from 'node:fs';

import { systemClock } from '../../src/base/clock.ts';
import { Secret } from '../../src/base/secret.ts';
import { CatalogKey } from '../../src/catalog/catalog-key.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import { createLog } from '../../src/service/log.ts';
import { Scheduler } from '../../src/service/scheduler/scheduler.ts';

const [address = '', key = ''] = process.argv.slice(2);

const catalog = await openCatalog({
  location: address.includes('://') ? { url: new Secret(address) } : { file: address },
  key: new CatalogKey(key),
  clock: systemClock,
});
await Scheduler.start({
  catalog,
  clock: systemClock,
  log: createLog(systemClock.now, ({ fields: { run } }) => {
    // At once: what is in a buffer is gone when the process is killed.
    if (run !== undefined) writeSync(1, `${String(run)}\n`);
  }),
  timeZone: 'UTC',
  hostname: 'host',
  isOnline: () => Promise.resolve(true),
});
