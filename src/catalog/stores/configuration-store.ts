import { isDeepStrictEqual } from 'node:util';

import type { CallOptions } from '../../base/call-options.ts';
import type { ChannelSettings } from '../../model/channel.ts';
import type { Configuration, ServiceSettings } from '../../model/configuration.ts';
import type { Job, JobDestination } from '../../model/job.ts';
import type { JobSchedule } from '../../model/job-schedule.ts';
import type { ConfigurationChange, ConfigurationStore } from '../catalog.ts';
import { checkSeal } from '../document-seal.ts';
import type { SealHolder } from '../seal-holder.ts';
import type { SqlDatabase } from '../sql-database.ts';
import type { DocumentRow } from '../tables.ts';
import { inPortions } from './portions.ts';
import { currentRevision, nextRevision } from './configuration-revision.ts';
import {
  type DocumentKind,
  heldByAnother,
  putDocuments,
  rowsOfKind,
  SqlDocumentStore,
  valueOf,
} from './document-store.ts';

export class SqlConfigurationStore implements ConfigurationStore {
  readonly jobs: SqlDocumentStore<Job>;
  readonly destinations: SqlDocumentStore<JobDestination>;
  readonly channels: SqlDocumentStore<ChannelSettings>;
  readonly periodicities: SqlDocumentStore<JobSchedule>;
  readonly settings: SqlDocumentStore<ServiceSettings>;
  readonly #database: SqlDatabase;
  readonly #seals: SealHolder;
  /** What was read last: every run, schedule and status asks for it, and it seldom changes. */
  #last: { readonly revision: number; readonly configuration: Configuration } | undefined;

  constructor(database: SqlDatabase, seals: SealHolder) {
    this.#database = database;
    this.#seals = seals;
    this.jobs = new SqlDocumentStore('job', database, seals);
    this.destinations = new SqlDocumentStore('destination', database, seals);
    this.channels = new SqlDocumentStore('channel', database, seals);
    this.periodicities = new SqlDocumentStore('periodicity', database, seals);
    this.settings = new SqlDocumentStore('settings', database, seals);
  }

  async read(options?: CallOptions): Promise<Configuration> {
    const last = this.#last;
    const { revision, rows } = await this.#database.read(async (view) => {
      const now = await currentRevision(view);
      return { revision: now, rows: now === last?.revision ? undefined : await rowsOfKind(view) };
    }, options);
    if (rows === undefined) return last!.configuration;
    const configuration = this.#configurationOf(rows);
    this.#last = { revision, configuration };
    return configuration;
  }

  #configurationOf(rows: readonly DocumentRow[]): Configuration {
    const of = <Value>(kind: DocumentKind): [name: string, value: Value][] =>
      rows
        .filter((row) => row.kind === kind)
        .map((row) => [row.name, valueOf(row, this.#seals) as Value]);
    return {
      jobs: of<Job>('job').map(([, job]) => job),
      destinations: Object.fromEntries(of<JobDestination>('destination')),
      channels: Object.fromEntries(of<ChannelSettings>('channel')),
      periodicities: Object.fromEntries(of<JobSchedule>('periodicity')),
      settings: Object.assign(
        {},
        ...lastFromApi(of<ServiceSettings>('settings')),
      ) as ServiceSettings,
    };
  }

  replace(
    configuration: Configuration,
    origin: string,
    { gone = new Set(), ...options }: CallOptions & { readonly gone?: ReadonlySet<string> } = {},
  ): Promise<ConfigurationChange> {
    return this.#database.write(
      async (transaction) => {
        const before = new Map(
          (await rowsOfKind(transaction)).map((row) => [idOf(row.kind, row.name), row]),
        );
        const wanted = documentsOf(configuration, origin);
        for (const { kind, name } of wanted) {
          const other = before.get(idOf(kind, name));
          if (other !== undefined && other.origin !== origin && !gone.has(other.origin))
            throw heldByAnother(kind, name, other.origin);
        }
        const names = new Set(wanted.map(({ kind, name }) => idOf(kind, name)));
        const removed = [...before.values()].filter(
          (row) =>
            (row.origin === origin || (row.kind === 'settings' && gone.has(row.origin))) &&
            !names.has(idOf(row.kind, row.name)),
        );
        const added = wanted.filter(({ kind, name }) => !before.has(idOf(kind, name)));
        const changed = wanted.filter(({ kind, name, value }) => {
          const row = before.get(idOf(kind, name));
          if (row === undefined) return false;
          return (
            row.origin !== origin || !isDeepStrictEqual(valueOf(row, this.#seals), plain(value))
          );
        });
        const told = (documents: readonly { kind: string; name: string }[]): string[] =>
          documents.map(({ kind, name }) => idOf(kind, name));
        if (added.length + changed.length + removed.length > 0) {
          await this.#put(transaction, [...added, ...changed], removed, origin);
        }
        return { added: told(added), changed: told(changed), removed: told(removed) };
      },
      { ...options, gate: 'configuration' },
    );
  }

  revision(options?: CallOptions): Promise<number> {
    return this.#database.read(currentRevision, options);
  }

  async #put(
    transaction: Parameters<typeof nextRevision>[0],
    documents: readonly NamedDocument[],
    removed: readonly DocumentRow[],
    origin: string,
  ): Promise<void> {
    const seal = this.#seals.current;
    await checkSeal(transaction, seal);
    const revision = await nextRevision(transaction);
    for (const [kind, rows] of Map.groupBy(removed, (row) => row.kind)) {
      for (const portion of inPortions(rows)) {
        const names = portion.map(({ name }) => name);
        await transaction
          .deleteFrom('documents')
          .where('kind', '=', kind)
          .where('name', 'in', names)
          .execute();
      }
    }
    for (const portion of inPortions(documents)) {
      await putDocuments(
        transaction,
        portion.map(({ kind, name, value }) => ({
          kind,
          name,
          revision,
          origin,
          sealed: seal.seal(kind, name, JSON.stringify(value)),
        })),
      );
    }
  }
}

interface NamedDocument {
  readonly kind: DocumentKind;
  readonly name: string;
  readonly value: unknown;
}

const idOf = (kind: string, name: string): string => `${kind}/${name}`;

/** As it is after it was written and read. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function documentsOf(configuration: Configuration, origin: string): readonly NamedDocument[] {
  const all = (
    kind: DocumentKind,
    values: Readonly<Record<string, unknown>>,
  ): readonly NamedDocument[] =>
    Object.entries(values).map(([name, value]) => ({ kind, name, value }));
  const { jobs, destinations, channels, periodicities, settings } = configuration;
  return [
    ...jobs.map((job) => ({ kind: 'job' as const, name: job.name, value: job })),
    ...all('destination', destinations),
    ...all('channel', channels),
    ...all('periodicity', periodicities),
    // Each origin has its own, so that they never exclude each other.
    ...(Object.keys(settings).length === 0 ? [] : all('settings', { [origin]: settings })),
  ];
}

/** What somebody has set by hand counts more than what a file says. */
function lastFromApi(
  settings: readonly (readonly [origin: string, value: ServiceSettings])[],
): readonly ServiceSettings[] {
  const rank = (origin: string): number => (origin === 'api' ? 1 : 0);
  return [...settings]
    .sort(([left], [right]) => rank(left) - rank(right))
    .map(([, value]) => value);
}
