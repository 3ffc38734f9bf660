import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import type { Journal, JournalEntry } from '../catalog.ts';
import type { SqlDatabase } from '../sql-database.ts';

export class SqlJournal implements Journal {
  readonly #database: SqlDatabase;
  readonly #newId: (now: number) => string;
  readonly #clock: Clock;

  constructor(database: SqlDatabase, newId: (now: number) => string, clock: Clock) {
    this.#database = database;
    this.#newId = newId;
    this.#clock = clock;
  }

  async add(entry: Omit<JournalEntry, 'id'>, options?: CallOptions): Promise<string> {
    const { kind, run, host, data } = entry;
    const row = { id: this.#newId(this.#clock.now()), kind, run, host, data: JSON.stringify(data) };
    await this.#database.write(async (transaction) => {
      await transaction.insertInto('journal').values(row).execute();
    }, options);
    return row.id;
  }

  async list(options?: CallOptions): Promise<readonly JournalEntry[]> {
    const rows = await this.#database.read(
      (view) => view.selectFrom('journal').selectAll().orderBy('id').execute(),
      options,
    );
    return rows.map((row) => ({ ...row, data: JSON.parse(row.data) as JournalEntry['data'] }));
  }

  async update(id: string, data: JournalEntry['data'], options?: CallOptions): Promise<void> {
    await this.#database.write(async (transaction) => {
      await transaction
        .updateTable('journal')
        .set({ data: JSON.stringify(data) })
        .where('id', '=', id)
        .execute();
    }, options);
  }

  async remove(id: string, options?: CallOptions): Promise<void> {
    await this.#database.write(async (transaction) => {
      await transaction.deleteFrom('journal').where('id', '=', id).execute();
    }, options);
  }
}
