import type { Statements } from '../sql-database.ts';

const property = 'configuration-revision';

/** Counts a change of the configuration. For transactions with the gate `configuration`. */
export async function nextRevision(statements: Statements): Promise<number> {
  await statements
    .insertInto('properties')
    .values({ name: property, value: '0' })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const { value } = await statements
    .selectFrom('properties')
    .select('value')
    .where('name', '=', property)
    .executeTakeFirstOrThrow();
  const revision = Number(value) + 1;
  await statements
    .updateTable('properties')
    .set({ value: String(revision) })
    .where('name', '=', property)
    .execute();
  return revision;
}

export async function currentRevision(statements: Statements): Promise<number> {
  const row = await statements
    .selectFrom('properties')
    .select('value')
    .where('name', '=', property)
    .executeTakeFirst();
  return Number(row?.value ?? 0);
}
