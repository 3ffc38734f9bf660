import type { CallOptions } from '../base/call-options.ts';
import { AppError } from '../base/errors.ts';
import type { OpenedCatalog } from './opened-catalog.ts';
import type { Statements } from './sql-database.ts';
import { inPortions } from './stores/portions.ts';

/** How many rows of each table were copied. */
export type CopiedRows = Readonly<Record<string, number>>;

/** Those in which rows are as they are for both; the others need more. */
const plain = ['schedule_entries', 'histories', 'journal', 'outbox', 'notes'] as const;
const portion = 500;

/**
 * Copies all of a catalog into an empty one, of whatever kind: in one transaction, from one consistent view; each keeps its own key. Throws `input/conflict` when
 * a run is under way, or the other one is not empty.
 */
export function copyCatalog(
  from: OpenedCatalog,
  to: OpenedCatalog,
  options?: CallOptions,
): Promise<CopiedRows> {
  return from.parts.database.read(
    (view) =>
      to.parts.database.write(
        async (transaction) => {
          await checkQuiet(view, from.location);
          await checkEmpty(transaction, to.location);
          const copied: Record<string, number> = {
            documents: await copyDocuments(view, transaction, from, to),
            runs: await copyRuns(view, transaction, to),
          };
          for (const table of plain) copied[table] = await copyRows(view, transaction, table);
          return copied;
        },
        { ...options, gate: 'configuration' },
      ),
    options,
  );
}

async function checkQuiet(view: Statements, location: string): Promise<void> {
  const running = await view
    .selectFrom('runs')
    .select(['id', 'job'])
    .where('state', '=', 'running')
    .executeTakeFirst();
  if (running === undefined) return;
  throw new AppError(
    'input/conflict',
    `A run of "${running.job}" is under way in "${location}", so the catalog cannot be moved`,
    { hint: 'Stop the service first, and wait until its runs have ended' },
  );
}

async function checkEmpty(transaction: Statements, location: string): Promise<void> {
  for (const table of ['documents', 'runs', ...plain] as const) {
    const row = await transaction
      .selectFrom(table)
      .select((where) => where.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (row.count > 0) {
      throw new AppError('input/conflict', `The catalog "${location}" is not empty`, {
        hint: 'Copy into a new file or a new database',
      });
    }
  }
}

async function copyDocuments(
  view: Statements,
  transaction: Statements,
  from: OpenedCatalog,
  to: OpenedCatalog,
): Promise<number> {
  const rows = await view.selectFrom('documents').selectAll().execute();
  const sealed = rows.map((row) => {
    const text = from.parts.seals.current.open(row.kind, row.name, row.sealed);
    return { ...row, sealed: to.parts.seals.current.seal(row.kind, row.name, text) };
  });
  for (const part of inPortions(sealed))
    await transaction.insertInto('documents').values(part).execute();
  const revision = await view
    .selectFrom('properties')
    .selectAll()
    .where('name', '=', 'configuration-revision')
    .executeTakeFirst();
  if (revision !== undefined) {
    await transaction
      .insertInto('properties')
      .values(revision)
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: revision.value }))
      .execute();
  }
  return rows.length;
}

/** There may be many, and they may be long: some at a time. */
async function copyRuns(
  view: Statements,
  transaction: Statements,
  { parts: { database } }: OpenedCatalog,
): Promise<number> {
  let count = 0;
  for (let last = ''; ;) {
    const rows = await view
      .selectFrom('runs')
      .selectAll()
      .where('id', '>', last)
      .orderBy('id')
      .limit(portion)
      .execute();
    const [end] = rows.slice(-1);
    if (end === undefined) return count;
    await transaction.insertInto('runs').values(rows).execute();
    const ids = rows.map(({ id }) => id);
    const keys = await view.selectFrom('run_keys').selectAll().where('run', 'in', ids).execute();
    for (const part of inPortions(keys))
      await transaction.insertInto('run_keys').values(part).execute();
    for (const { id, priority, state, not_before: notBefore } of rows) {
      if (state === 'queued')
        await database.bell.queued(transaction, {
          id,
          priority,
          notBefore: notBefore ?? undefined,
        });
    }
    count += rows.length;
    last = end.id;
  }
}

async function copyRows(
  view: Statements,
  transaction: Statements,
  table: (typeof plain)[number],
): Promise<number> {
  const rows = await view.selectFrom(table).selectAll().execute();
  for (const part of inPortions(rows)) await transaction.insertInto(table).values(part).execute();
  return rows.length;
}
