import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import type { DocumentStore, Kept } from '../catalog.ts';
import { checkSeal } from '../document-seal.ts';
import type { SealHolder } from '../seal-holder.ts';
import type { SqlDatabase, Statements } from '../sql-database.ts';
import type { DocumentRow } from '../tables.ts';
import { nextRevision } from './configuration-revision.ts';

/** What a document is, in the singular: `job`, `destination` … */
export type DocumentKind = 'job' | 'destination' | 'channel' | 'periodicity' | 'settings';

/** Documents of one kind by their names, encrypted. */
export class SqlDocumentStore<Value> implements DocumentStore<Value> {
  readonly #kind: DocumentKind;
  readonly #database: SqlDatabase;
  readonly #seals: SealHolder;

  constructor(kind: DocumentKind, database: SqlDatabase, seals: SealHolder) {
    this.#kind = kind;
    this.#database = database;
    this.#seals = seals;
  }

  async get(name: string, options?: CallOptions): Promise<Kept<Value> | undefined> {
    const row = await this.#database.read((view) => this.#row(view, name), options);
    return row === undefined ? undefined : this.#kept(row);
  }

  async list(options?: CallOptions): Promise<ReadonlyMap<string, Kept<Value>>> {
    const rows = await this.#database.read((view) => rowsOfKind(view, this.#kind), options);
    return new Map(rows.map((row) => [row.name, this.#kept(row)]));
  }

  save(
    name: string,
    value: Value,
    how: { readonly revision: number | undefined; readonly origin: string },
    options?: CallOptions,
  ): Promise<number> {
    return this.#database.write(
      async (transaction) => {
        const before = await this.#current(transaction, name, how.revision);
        if (before !== undefined && before.origin !== how.origin)
          throw heldByAnother(this.#kind, name, before.origin);
        const seal = this.#seals.current;
        await checkSeal(transaction, seal);
        const revision = await nextRevision(transaction);
        await putDocuments(transaction, [
          {
            kind: this.#kind,
            name,
            revision,
            origin: how.origin,
            sealed: seal.seal(this.#kind, name, JSON.stringify(value)),
          },
        ]);
        return revision;
      },
      { ...options, gate: 'configuration' },
    );
  }

  async remove(name: string, revision: number, options?: CallOptions): Promise<void> {
    await this.#database.write(
      async (transaction) => {
        await this.#current(transaction, name, revision);
        await nextRevision(transaction);
        await transaction
          .deleteFrom('documents')
          .where('kind', '=', this.#kind)
          .where('name', '=', name)
          .execute();
      },
      { ...options, gate: 'configuration' },
    );
  }

  #row(statements: Statements, name: string): Promise<DocumentRow | undefined> {
    return statements
      .selectFrom('documents')
      .selectAll()
      .where('kind', '=', this.#kind)
      .where('name', '=', name)
      .executeTakeFirst();
  }

  async #current(
    transaction: Statements,
    name: string,
    expected: number | undefined,
  ): Promise<DocumentRow | undefined> {
    const row = await this.#row(transaction, name);
    if (row?.revision === expected) return row;
    const what = `The ${this.#kind} "${name}"`;
    const happened =
      row === undefined
        ? 'has been removed meanwhile'
        : expected === undefined
          ? 'is there already'
          : 'has been changed meanwhile';
    throw new AppError('input/conflict', `${what} ${happened}`, {
      hint: 'Read it again and repeat the change',
    });
  }

  #kept(row: DocumentRow): Kept<Value> {
    return {
      value: valueOf(row, this.#seals) as Value,
      revision: row.revision,
      origin: row.origin,
    };
  }
}

/** In the order of their names. */
export async function rowsOfKind(
  statements: Statements,
  kind?: DocumentKind,
): Promise<DocumentRow[]> {
  const rows = await statements
    .selectFrom('documents')
    .selectAll()
    .$if(kind !== undefined, (query) => query.where('kind', '=', kind!))
    .execute();
  // Databases sort by rules of their own.
  return rows.sort((left, right) => (left.name < right.name ? -1 : 1));
}

export function valueOf(row: DocumentRow, seals: SealHolder): unknown {
  return JSON.parse(seals.current.open(row.kind, row.name, row.sealed));
}

/** Makes or replaces documents; no more than fit into one statement. */
export async function putDocuments(
  statements: Statements,
  rows: readonly DocumentRow[],
): Promise<void> {
  await statements
    .insertInto('documents')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['kind', 'name']).doUpdateSet((changed) => ({
        revision: changed.ref('excluded.revision'),
        origin: changed.ref('excluded.origin'),
        sealed: changed.ref('excluded.sealed'),
      })),
    )
    .execute();
}

export function heldByAnother(kind: string, name: string, origin: string): AppError {
  const place = origin === 'api' || origin === 'environment' ? `the ${origin}` : `"${origin}"`;
  return new AppError('input/invalid', `The ${kind} "${name}" comes from ${place} already`, {
    hint: 'Change it there, or choose another name',
  });
}
