/**
 * `node stop-containers-worker.ts CATALOG KEY ENGINE RUN NAME`: stops a container for a run, says so on a line, and waits to be killed.
 * Says `announced` when it is in the journal.
 */
import { systemClock } from '../../src/base/clock.ts';
import { CatalogKey } from '../../src/catalog/catalog-key.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import { EngineContainerKeeper } from '../../src/service/containers/container-keeper.ts';

const [file = '', key = '', address = '', run = '', name = ''] = process.argv.slice(2);
const catalog = await openCatalog({
  location: { file },
  key: new CatalogKey(key),
  clock: systemClock,
});
const keeper = new EngineContainerKeeper({
  catalog: {
    runs: catalog.runs,
    journal: {
      list: () => catalog.journal.list(),
      update: (...parameters) => catalog.journal.update(...parameters),
      remove: (...parameters) => catalog.journal.remove(...parameters),
      async add(...parameters) {
        const id = await catalog.journal.add(...parameters);
        process.stdout.write('announced\n');
        return id;
      },
    },
  },
  host: 'machine',
  address,
  environment: {},
});
const step = await keeper.stop({ names: [name], stopTimeout: '3s' }, { run });
process.stdout.write(`stopped ${step.outcome ?? ''}\n`);
setInterval(() => undefined, 60_000);
