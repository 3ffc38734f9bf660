import { sql } from 'kysely';

import type { CallOptions } from '../../base/call-options.ts';
import type { NoteStore } from '../catalog.ts';
import type { SqlDatabase, Statements } from '../sql-database.ts';

export class SqlNoteStore implements NoteStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  get(name: string, options?: CallOptions): Promise<string | undefined> {
    return this.#database.read((view) => valueOf(view, name), options);
  }

  async list(prefix: string, options?: CallOptions): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#database.read(
      (view) =>
        view
          .selectFrom('notes')
          .selectAll()
          // `like` has rules of its own for letters in each database.
          .where(sql<string>`substr(name, 1, ${Array.from(prefix).length})`, '=', prefix)
          .execute(),
      options,
    );
    return new Map(
      rows
        .map(({ name, value }): [string, string] => [name, value])
        .sort(([left], [right]) => (left < right ? -1 : 1)),
    );
  }

  set(
    name: string,
    value: string | undefined,
    { expected, signal }: CallOptions & { readonly expected?: string | null } = {},
  ): Promise<boolean> {
    return this.#database.write(
      async (transaction) => {
        if (expected !== undefined) {
          const current = (await valueOf(transaction, name)) ?? null;
          if (current !== expected) return false;
        }
        if (value === undefined) {
          await transaction.deleteFrom('notes').where('name', '=', name).execute();
        } else {
          await transaction
            .insertInto('notes')
            .values({ name, value })
            .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
            .execute();
        }
        return true;
      },
      { signal, gate: 'notes' },
    );
  }
}

async function valueOf(statements: Statements, name: string): Promise<string | undefined> {
  const row = await statements
    .selectFrom('notes')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirst();
  return row?.value;
}
