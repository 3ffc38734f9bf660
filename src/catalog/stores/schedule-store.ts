import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { NewRun } from '../../model/run.ts';
import type { ScheduleState, ScheduleStore } from '../catalog.ts';
import type { SqlDatabase } from '../sql-database.ts';
import { inPortions } from './portions.ts';
import type { RunAdder } from './run-adder.ts';

export class SqlScheduleStore implements ScheduleStore {
  readonly #database: SqlDatabase;
  readonly #runs: RunAdder;
  readonly #clock: Clock;

  constructor(database: SqlDatabase, runs: RunAdder, clock: Clock) {
    this.#database = database;
    this.#runs = runs;
    this.#clock = clock;
  }

  async list(options?: CallOptions): Promise<ReadonlyMap<string, ScheduleState>> {
    const rows = await this.#database.read(
      (view) => view.selectFrom('schedule_entries').selectAll().execute(),
      options,
    );
    return new Map(
      rows.map((row) => [
        row.entry,
        {
          entry: row.entry,
          consideredUntil: row.considered_until,
          skipNext: row.skip_next,
          ...(row.last_queued !== null && { lastQueued: row.last_queued }),
        },
      ]),
    );
  }

  async begin(
    entries: readonly string[],
    consideredUntil: number,
    options?: CallOptions,
  ): Promise<void> {
    if (entries.length === 0) return;
    await this.#database.write(async (transaction) => {
      for (const portion of inPortions([...new Set(entries)])) {
        await transaction
          .insertInto('schedule_entries')
          .values(
            portion.map((entry) => ({
              entry,
              considered_until: consideredUntil,
              skip_next: 0,
              last_queued: null,
            })),
          )
          .onConflict((conflict) => conflict.column('entry').doNothing())
          .execute();
      }
    }, options);
  }

  async claim(
    from: ScheduleState,
    to: ScheduleState,
    run: NewRun | undefined,
    options?: CallOptions,
  ): Promise<string | undefined> {
    const id = await this.#database.write(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('schedule_entries')
        .set({
          considered_until: to.consideredUntil,
          skip_next: to.skipNext,
          last_queued: to.lastQueued ?? null,
        })
        .where('entry', '=', from.entry)
        .where('considered_until', '=', from.consideredUntil)
        .where('skip_next', '=', from.skipNext)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return undefined;
      if (run === undefined) return '';
      return (await this.#runs.add(transaction, run, this.#clock.now())).id;
    }, options);
    if (id !== undefined && id !== '') this.#database.bell.ring();
    return id;
  }

  async skipNext(entry: string, count: number, options?: CallOptions): Promise<void> {
    const isThere = await this.#database.write(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('schedule_entries')
        .set({ skip_next: count })
        .where('entry', '=', entry)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    }, options);
    if (!isThere) throw new AppError('job/missing', `There is no schedule "${entry}"`);
    this.#database.bell.ring();
  }

  async forget(entries: readonly string[], options?: CallOptions): Promise<void> {
    if (entries.length === 0) return;
    await this.#database.write(async (transaction) => {
      for (const portion of inPortions(entries)) {
        await transaction.deleteFrom('schedule_entries').where('entry', 'in', portion).execute();
      }
    }, options);
  }
}
