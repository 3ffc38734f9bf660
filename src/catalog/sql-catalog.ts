import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { CatalogKey, type CatalogKeySource } from './catalog-key.ts';
import {
  checkSeal,
  DocumentSeal,
  readSealProperties,
  sealOf,
  writeSealProperties,
} from './document-seal.ts';
import { migrations } from './migrations/migrations.ts';
import type { CatalogInfo, OpenedCatalog } from './opened-catalog.ts';
import type { SealHolder } from './seal-holder.ts';
import type { SqlDatabase, Statements } from './sql-database.ts';
import { nextRevision } from './stores/configuration-revision.ts';
import { SqlConfigurationStore } from './stores/configuration-store.ts';
import { putDocuments, rowsOfKind } from './stores/document-store.ts';
import { identifierMaker } from './stores/identifiers.ts';
import { SqlJournal } from './stores/journal-store.ts';
import { SqlNoteStore } from './stores/note-store.ts';
import { SqlOutbox } from './stores/outbox-store.ts';
import { inPortions } from './stores/portions.ts';
import { runAdder } from './stores/run-adder.ts';
import { SqlRunQueue } from './stores/run-queue.ts';
import { SqlRunStore } from './stores/run-store.ts';
import { SqlScheduleStore } from './stores/schedule-store.ts';

/** A catalog in an open database, which is closed with it, also when the key does not fit. */
export async function createSqlCatalog(
  database: SqlDatabase,
  key: CatalogKey | CatalogKeySource,
  clock: Clock,
): Promise<OpenedCatalog> {
  let current: DocumentSeal;
  try {
    current = await unlock(database, key instanceof CatalogKey ? { find: async () => key } : key);
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
  const seals: SealHolder = { current };
  const newId = identifierMaker();
  const runs = runAdder(database.bell, newId);
  return {
    kind: database.kind,
    location: database.location,
    configuration: new SqlConfigurationStore(database, seals),
    schedules: new SqlScheduleStore(database, runs, clock),
    runs: new SqlRunStore(database),
    queue: new SqlRunQueue(database, runs, newId, clock),
    journal: new SqlJournal(database, newId, clock),
    outbox: new SqlOutbox(database, newId),
    notes: new SqlNoteStore(database),
    async changeKey(next, options) {
      seals.current = await changeKey(database, seals.current, next, options);
    },
    info: (options) => database.read(readInfo, options),
    parts: { database, seals },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

async function unlock(database: SqlDatabase, source: CatalogKeySource): Promise<DocumentSeal> {
  const known = await database.read(readSealProperties);
  const key = await source.find(known === undefined);
  if (known === undefined) {
    const first = await DocumentSeal.create(key);
    const properties = await database.write(
      async (transaction) => {
        const others = await readSealProperties(transaction);
        if (others === undefined) await writeSealProperties(transaction, first);
        return others;
      },
      { gate: 'configuration' },
    );
    if (properties === undefined) return first;
    // Another process was sooner.
    return (await sealOf(properties, key)) ?? wrongKey(database);
  }
  const seal = await sealOf(known, key);
  if (seal !== undefined) {
    await source.settle?.(key);
    return seal;
  }
  const other = await source.findOther?.();
  const otherSeal = other && (await sealOf(known, other));
  if (other === undefined || otherSeal === undefined) wrongKey(database);
  await source.settle?.(other);
  return otherSeal;
}

function wrongKey({ location }: SqlDatabase): never {
  throw new AppError(
    'catalog/locked-out',
    `The key is not the one that the catalog "${location}" was written with`,
    { hint: 'Name the right one with --catalog-key-file or HOLDFAST_CATALOG_KEY' },
  );
}

/** All in one transaction: what a crash leaves is the old key with the old documents, or the new one with the new ones. */
async function changeKey(
  database: SqlDatabase,
  old: DocumentSeal,
  key: CatalogKey,
  options: Parameters<SqlDatabase['write']>[1],
): Promise<DocumentSeal> {
  const next = await DocumentSeal.create(key);
  await database.write(
    async (transaction) => {
      await checkSeal(transaction, old);
      await nextRevision(transaction);
      for (const portion of inPortions(await rowsOfKind(transaction))) {
        const rows = portion.map((row) => {
          const text = old.open(row.kind, row.name, row.sealed);
          return { ...row, sealed: next.seal(row.kind, row.name, text) };
        });
        await putDocuments(transaction, rows);
      }
      await writeSealProperties(transaction, next);
    },
    { ...options, gate: 'configuration' },
  );
  return next;
}

async function readInfo(view: Statements): Promise<CatalogInfo> {
  const documents = await view
    .selectFrom('documents')
    .select(['kind', (where) => where.fn.countAll<number>().as('count')])
    .groupBy('kind')
    .execute();
  const states = await view
    .selectFrom('runs')
    .select(['state', (where) => where.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute();
  const outbox = await view
    .selectFrom('outbox')
    .select(['given_up', (where) => where.fn.countAll<number>().as('count')])
    .groupBy('given_up')
    .execute();
  const count = async (table: 'schedule_entries' | 'journal'): Promise<number> => {
    const row = await view
      .selectFrom(table)
      .select((where) => where.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return row.count;
  };
  const ofKind = (wanted: string): number =>
    documents.find(({ kind }) => kind === wanted)?.count ?? 0;
  const inState = (wanted: string): number =>
    states.find(({ state }) => state === wanted)?.count ?? 0;
  const told = (wanted: number): number =>
    outbox.find((row) => row.given_up === wanted)?.count ?? 0;
  return {
    // Opening has brought it there.
    version: migrations.length,
    jobs: ofKind('job'),
    destinations: ofKind('destination'),
    channels: ofKind('channel'),
    schedules: await count('schedule_entries'),
    runs: states.reduce((sum, row) => sum + row.count, 0),
    queued: inState('queued'),
    running: inState('running'),
    unsent: told(0),
    givenUp: told(1),
    journal: await count('journal'),
  };
}
