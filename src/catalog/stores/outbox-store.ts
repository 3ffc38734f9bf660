import type { CallOptions } from '../../base/call-options.ts';
import type { Report } from '../../model/report.ts';
import type { Outbox, OutboxEntry, OutboxItem } from '../catalog.ts';
import type { SqlDatabase } from '../sql-database.ts';
import type { OutboxRow } from '../tables.ts';
import { clockTolerance } from './clock-tolerance.ts';
import { addToOutbox } from './outbox-rows.ts';

/** How long who claims an item has it for himself, in milliseconds. */
const hold = 120_000;
const hour = 3_600_000;
/** What failed is tried again sooner than this. */
const longestPause = 8 * hour;
/** A digest waits for a week at most. */
const longestWait = 9 * 24 * hour;

export class SqlOutbox implements Outbox {
  readonly #database: SqlDatabase;
  readonly #newId: (now: number) => string;

  constructor(database: SqlDatabase, newId: (now: number) => string) {
    this.#database = database;
    this.#newId = newId;
  }

  async add(entries: readonly OutboxEntry[], now: number, options?: CallOptions): Promise<void> {
    if (entries.length === 0) return;
    await this.#database.write(
      (transaction) => addToOutbox(transaction, entries, now, this.#newId),
      options,
    );
    this.#database.bell.ring();
  }

  async claim(
    worker: string,
    now: number,
    limit: number,
    options?: CallOptions,
  ): Promise<readonly OutboxItem[]> {
    const due = (view: Parameters<Parameters<SqlDatabase['read']>[0]>[0]) =>
      view
        .selectFrom('outbox')
        .select('id')
        .where('given_up', '=', 0)
        .where((where) =>
          where.or([
            where('not_before', '<=', now),
            // The rest was written by a clock that has been put back since: nothing may wait until that time comes.
            where('added_at', '>', now + clockTolerance),
            where('not_before', '>', now + longestWait),
            where.and([where('attempts', '>', 0), where('not_before', '>', now + longestPause)]),
          ]),
        )
        .where((where) =>
          where.or([
            where('held_until', '<=', now),
            where('held_until', '>', now + hold + clockTolerance),
          ]),
        )
        .orderBy('not_before')
        .orderBy('id')
        .limit(limit)
        .execute();
    // Looking costs nothing; only who sees something asks for the right to write.
    if ((await this.#database.read(due, options)).length === 0) return [];
    return this.#database.write(
      async (transaction) => {
        const ids = (await due(transaction)).map(({ id }) => id);
        if (ids.length === 0) return [];
        const rows = await transaction
          .updateTable('outbox')
          .set({ held_by: worker, held_until: now + hold })
          .where('id', 'in', ids)
          .returningAll()
          .execute();
        return rows.map(itemOf).sort(byAge);
      },
      { ...options, gate: 'outbox' },
    );
  }

  async sent(id: string, options?: CallOptions): Promise<void> {
    await this.#database.write(async (transaction) => {
      await transaction.deleteFrom('outbox').where('id', '=', id).execute();
    }, options);
  }

  failed(id: string, error: string, notBefore: number, options?: CallOptions): Promise<void> {
    return this.#tried(id, { last_error: error, not_before: notBefore }, options);
  }

  giveUp(id: string, error: string, options?: CallOptions): Promise<void> {
    return this.#tried(id, { last_error: error, given_up: 1 }, options);
  }

  async retry(id: string, now: number, options?: CallOptions): Promise<void> {
    await this.#database.write(async (transaction) => {
      await transaction
        .updateTable('outbox')
        .set({ not_before: now, attempts: 0, held_by: null, held_until: 0, given_up: 0 })
        .where('id', '=', id)
        .execute();
    }, options);
    this.#database.bell.ring();
  }

  async list(
    options?: CallOptions,
  ): Promise<readonly (OutboxItem & { readonly givenUp: boolean })[]> {
    const rows = await this.#database.read(
      (view) => view.selectFrom('outbox').selectAll().execute(),
      options,
    );
    return rows.map((row) => ({ ...itemOf(row), givenUp: row.given_up === 1 })).sort(byAge);
  }

  async #tried(
    id: string,
    change: Partial<Pick<OutboxRow, 'last_error' | 'not_before' | 'given_up'>>,
    options?: CallOptions,
  ): Promise<void> {
    await this.#database.write(async (transaction) => {
      await transaction
        .updateTable('outbox')
        .set((row) => ({
          ...change,
          attempts: row('attempts', '+', 1),
          held_by: null,
          held_until: 0,
        }))
        .where('id', '=', id)
        .execute();
    }, options);
  }
}

const byAge = (left: OutboxItem, right: OutboxItem): number =>
  left.addedAt - right.addedAt || (left.id < right.id ? -1 : 1);

function itemOf(row: OutboxRow): OutboxItem {
  return {
    id: row.id,
    channel: row.channel,
    report: JSON.parse(row.report) as Report,
    notBefore: row.not_before,
    attempts: row.attempts,
    ...(row.last_error !== null && { lastError: row.last_error }),
    addedAt: row.added_at,
  };
}
