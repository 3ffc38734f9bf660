import { sql } from 'kysely';

import type { CallOptions } from '../../base/call-options.ts';
import type { Activity } from '../../model/job.ts';
import type { Run, StepRecord } from '../../model/run.ts';
import type { ActivityHistory, RunFilter, RunStore } from '../catalog.ts';
import type { SqlDatabase, Statements } from '../sql-database.ts';
import { inPortions } from './portions.ts';
import { runColumns, runOf, stepColumns } from './run-rows.ts';

const defaultLimit = 100;
const alwaysKept = 10;

export class SqlRunStore implements RunStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async get(id: string, options?: CallOptions): Promise<Run | undefined> {
    const row = await this.#database.read(
      (view) => view.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst(),
      options,
    );
    return row === undefined ? undefined : runOf(row);
  }

  async list(filter: RunFilter, options?: CallOptions): Promise<readonly Run[]> {
    const { job, activities, states, before, after, limit = defaultLimit } = filter;
    if (activities?.length === 0 || states?.length === 0) return [];
    const rows = await this.#database.read((view) => {
      let query = view.selectFrom('runs').selectAll();
      if (job !== undefined) query = query.where('job', '=', job);
      if (activities !== undefined) query = query.where('activity', 'in', activities);
      if (states !== undefined) query = query.where('state', 'in', states);
      if (before !== undefined) query = query.where('queued_at', '<', before);
      if (after !== undefined) query = query.where('queued_at', '>', after);
      return query.orderBy('queued_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
    }, options);
    return rows.map(runOf);
  }

  histories(options?: CallOptions): Promise<readonly ActivityHistory[]> {
    return this.#database.read((view) => readHistories(view), options);
  }

  async history(
    job: string,
    activity: Activity,
    options?: CallOptions,
  ): Promise<ActivityHistory | undefined> {
    const found = await this.#database.read(
      (view) => readHistories(view, { job, activity }),
      options,
    );
    return found[0];
  }

  async progress(
    id: string,
    worker: string,
    steps: readonly StepRecord[],
    options?: CallOptions,
  ): Promise<void> {
    await this.#database.write(async (transaction) => {
      await transaction
        .updateTable('runs')
        .set(stepColumns(steps))
        .where('id', '=', id)
        .where('worker_id', '=', worker)
        .where('state', '=', 'running')
        .execute();
    }, options);
  }

  dropOlderThan(before: number, options?: CallOptions): Promise<number> {
    return this.#database.write(async (transaction) => {
      const numbered = transaction
        .selectFrom('runs')
        .select(['id', 'finished_at', 'state'])
        .select(
          sql<number>`row_number() over (partition by job, activity order by queued_at desc, id desc)`.as(
            'place',
          ),
        )
        .as('numbered');
      const old = await transaction
        .selectFrom(numbered)
        .select('id')
        .where('place', '>', alwaysKept)
        .where('finished_at', '<', before)
        .where('state', 'not in', ['queued', 'running'])
        .where('id', 'not in', namedRuns(transaction))
        .execute();
      for (const portion of inPortions(old.map(({ id }) => id))) {
        await transaction.deleteFrom('runs').where('id', 'in', portion).execute();
      }
      return old.length;
    }, options);
  }
}

interface Which {
  readonly job: string;
  readonly activity: Activity;
}

/** One query for the histories and one for the runs that they name, whatever their number. */
async function readHistories(view: Statements, only?: Which): Promise<ActivityHistory[]> {
  let histories = view.selectFrom('histories').selectAll();
  if (only !== undefined)
    histories = histories.where('job', '=', only.job).where('activity', '=', only.activity);
  const rows = await histories.execute();
  if (rows.length === 0) return [];
  const runs = await view
    .selectFrom('runs')
    .select(runColumns)
    .where('id', 'in', namedRuns(view, only))
    .execute();
  const byId = new Map(runs.map((row) => [row.id, runOf(row)]));
  return rows.map((row) => {
    const run = (id: string | null): Run | undefined => (id === null ? undefined : byId.get(id));
    const lastRun = run(row.last_run);
    const lastSuccess = run(row.last_success);
    const lastFailure = run(row.last_failure);
    return {
      job: row.job,
      activity: row.activity as Activity,
      ...(lastRun !== undefined && { lastRun }),
      ...(lastSuccess !== undefined && { lastSuccess }),
      ...(lastFailure !== undefined && { lastFailure }),
      failuresInARow: row.failures_in_a_row,
    };
  });
}

/** A query for the runs that histories name. */
function namedRuns(view: Statements, only?: Which) {
  const column = (name: 'last_run' | 'last_success' | 'last_failure') => {
    const query = view.selectFrom('histories').select(`${name} as id`).where(name, 'is not', null);
    return only === undefined
      ? query
      : query.where('job', '=', only.job).where('activity', '=', only.activity);
  };
  return column('last_run').union(column('last_success')).union(column('last_failure'));
}
