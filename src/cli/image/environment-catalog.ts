import type { CallOptions } from '../../base/call-options.ts';
import type { Catalog, ConfigurationStore, DocumentStore, Kept } from '../../catalog/catalog.ts';
import type { Configuration } from '../../model/configuration.ts';

/**
 * A catalog whose configuration is one that an environment says, over what is kept in it. What a command is given by its environment is for that command alone: a
 * server that works with the same catalog keeps its own. Jobs that it keeps from an environment, perhaps an older one, are there only if this one says none.
 */
export function catalogWithEnvironment(catalog: Catalog, given: Configuration): Catalog {
  const store = catalog.configuration;
  const hiddenJobs = async (options?: CallOptions): Promise<ReadonlySet<string>> => {
    if (given.jobs.length === 0) return new Set();
    const all = await store.jobs.list(options);
    return new Set(
      [...all].filter(([, { origin }]) => origin === 'environment').map(([name]) => name),
    );
  };
  const configuration: ConfigurationStore = {
    jobs: overlaid(store.jobs, new Map(given.jobs.map((job) => [job.name, job]))),
    destinations: overlaid(store.destinations, new Map(Object.entries(given.destinations))),
    channels: overlaid(store.channels, new Map(Object.entries(given.channels))),
    periodicities: overlaid(store.periodicities, new Map(Object.entries(given.periodicities))),
    settings: store.settings,
    async read(options) {
      const kept = await store.read(options);
      const names = new Set(given.jobs.map(({ name }) => name));
      const hidden = await hiddenJobs(options);
      return {
        jobs: [
          ...given.jobs,
          ...kept.jobs.filter(({ name }) => !names.has(name) && !hidden.has(name)),
        ],
        destinations: { ...kept.destinations, ...given.destinations },
        channels: { ...kept.channels, ...given.channels },
        periodicities: { ...kept.periodicities, ...given.periodicities },
        settings: { ...kept.settings, ...given.settings },
      };
    },
    replace: (...all) => store.replace(...all),
    revision: (options) => store.revision(options),
  };
  const { location, schedules, runs, queue, journal, outbox, notes } = catalog;
  return {
    location,
    configuration,
    schedules,
    runs,
    queue,
    journal,
    outbox,
    notes,
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
  };
}

function overlaid<Value>(
  store: DocumentStore<Value>,
  given: ReadonlyMap<string, Value>,
): DocumentStore<Value> {
  const own = (name: string): Kept<Value> | undefined => {
    const value = given.get(name);
    return value === undefined ? undefined : { value, revision: 0, origin: 'environment' };
  };
  return {
    get: async (name, options) => own(name) ?? (await store.get(name, options)),
    async list(options) {
      const all = new Map(await store.list(options));
      for (const name of given.keys()) all.set(name, own(name)!);
      return all;
    },
    save: (...all) => store.save(...all),
    remove: (...all) => store.remove(...all),
  };
}
