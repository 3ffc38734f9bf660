import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { NewRun, Run, RunState, WorkerIdentity } from '../../model/run.ts';
import type { OutboxEntry, RunEnd, RunQueue } from '../catalog.ts';
import type { SqlDatabase, Statements } from '../sql-database.ts';
import type { RunRow } from '../tables.ts';
import { clockTolerance } from './clock-tolerance.ts';
import { noteEnd } from './history-rows.ts';
import { addToOutbox } from './outbox-rows.ts';
import type { RunAdder } from './run-adder.ts';
import { runColumns, runOf, stepColumns } from './run-rows.ts';

/** How long a claim holds without being renewed, in milliseconds. */
export const lease = 60_000;
/** Runs are put off by minutes: one that is to begin later than this was put off by a clock that was wrong. */
const longestPostponement = 3_600_000;

export class SqlRunQueue implements RunQueue {
  readonly #database: SqlDatabase;
  readonly #clock: Clock;
  readonly #runs: RunAdder;
  readonly #newId: (now: number) => string;

  constructor(database: SqlDatabase, runs: RunAdder, newId: (now: number) => string, clock: Clock) {
    this.#clock = clock;
    this.#database = database;
    this.#runs = runs;
    this.#newId = newId;
  }

  async add(run: NewRun, now: number, options?: CallOptions): Promise<Run> {
    const added = await this.#database.write(
      (transaction) => this.#runs.add(transaction, run, now),
      options,
    );
    this.#database.bell.ring();
    return added;
  }

  async claim(
    worker: WorkerIdentity,
    now: number,
    { only, signal }: CallOptions & { readonly only?: string } = {},
  ): Promise<Run | undefined> {
    // Looking costs nothing; only who sees something asks for the right to write.
    const seen = await this.#database.read((view) => nextRun(view, now, only), { signal });
    if (seen === undefined) return undefined;
    return this.#database.write(
      async (transaction) => {
        const next = await nextRun(transaction, now, only);
        if (next === undefined) return undefined;
        const row = await transaction
          .updateTable('runs')
          .set({
            state: 'running',
            started_at: now,
            reason: null,
            worker_id: worker.id,
            worker: JSON.stringify(worker),
            lease_until: now + lease,
          })
          .where('id', '=', next.id)
          .where('state', '=', 'queued')
          .returningAll()
          .executeTakeFirst();
        if (row === undefined) return undefined;
        await transaction
          .updateTable('run_keys')
          .set({ held: 1 })
          .where('run', '=', row.id)
          .execute();
        await this.#database.bell.taken(transaction, row.id, 'claimed');
        return runOf(row);
      },
      { signal, gate: 'queue' },
    );
  }

  renew(
    id: string,
    worker: string,
    now: number,
    options?: CallOptions,
  ): Promise<{ readonly held: boolean; readonly cancelled: boolean }> {
    return this.#database.write(async (transaction) => {
      const row = await transaction
        .updateTable('runs')
        .set({ lease_until: now + lease })
        .where('id', '=', id)
        .where('worker_id', '=', worker)
        .where('state', '=', 'running')
        .returning('cancel_requested')
        .executeTakeFirst();
      return { held: row !== undefined, cancelled: row?.cancel_requested === 1 };
    }, options);
  }

  async finish(
    id: string,
    worker: string,
    end: RunEnd,
    now: number,
    reports: readonly OutboxEntry[],
    options?: CallOptions,
  ): Promise<boolean> {
    const isFinished = await this.#database.write(
      async (transaction) =>
        (await this.#end(transaction, { id, state: 'running', worker }, end, now, reports)) ||
        wasFinished(transaction, id, worker, end),
      options,
    );
    this.#database.bell.ring();
    return isFinished;
  }

  async postpone(
    id: string,
    worker: string,
    notBefore: number,
    reason: string,
    options?: CallOptions,
  ): Promise<void> {
    await this.#database.write(async (transaction) => {
      const row = await transaction
        .updateTable('runs')
        .set({
          state: 'queued',
          not_before: notBefore,
          reason,
          started_at: null,
          steps: '[]',
          outputs: null,
          worker_id: null,
          worker: null,
          lease_until: null,
        })
        .where('id', '=', id)
        .where('worker_id', '=', worker)
        .where('state', '=', 'running')
        .returning(['priority', 'cancel_requested'])
        .executeTakeFirst();
      if (row === undefined) return;
      if (row.cancel_requested === 1) {
        await transaction
          .updateTable('runs')
          .set({ ...overColumns('cancelled', 'It was cancelled', notBefore) })
          .where('id', '=', id)
          .execute();
        await this.#free(transaction, id);
        return;
      }
      await transaction.updateTable('run_keys').set({ held: 0 }).where('run', '=', id).execute();
      await this.#database.bell.queued(transaction, { id, priority: row.priority, notBefore });
    }, options);
    this.#database.bell.ring();
  }

  async finishQueued(
    id: string,
    end: RunEnd,
    now: number,
    reports: readonly OutboxEntry[],
    options?: CallOptions,
  ): Promise<boolean> {
    const isFinished = await this.#database.write(
      (transaction) => this.#end(transaction, { id, state: 'queued' }, end, now, reports),
      options,
    );
    this.#database.bell.ring();
    return isFinished;
  }

  async cancel(id: string, now: number, options?: CallOptions): Promise<void> {
    const isThere = await this.#database.write(async (transaction) => {
      const waiting = await transaction
        .updateTable('runs')
        .set(overColumns('cancelled', 'It was cancelled before it began', now))
        .where('id', '=', id)
        .where('state', '=', 'queued')
        .returning('id')
        .executeTakeFirst();
      if (waiting !== undefined) {
        await this.#free(transaction, id);
        return true;
      }
      await transaction
        .updateTable('runs')
        .set({ cancel_requested: 1 })
        .where('id', '=', id)
        .where('state', '=', 'running')
        .execute();
      const row = await transaction
        .selectFrom('runs')
        .select('id')
        .where('id', '=', id)
        .executeTakeFirst();
      return row !== undefined;
    }, options);
    if (!isThere) throw new AppError('job/missing', `There is no run "${id}"`);
    this.#database.bell.ring();
  }

  async takeBroken(
    worker: WorkerIdentity,
    isDead: (worker: WorkerIdentity) => boolean,
    now: number,
    options?: CallOptions,
  ): Promise<readonly Run[]> {
    const broken = await this.#database.read(async (view) => {
      const rows = await view
        .selectFrom('runs')
        .select(runColumns)
        .where('state', '=', 'running')
        .execute();
      return rows.filter(
        ({ lease_until: until, worker: holder }) =>
          (until ?? 0) <= now || (holder !== null && isDead(JSON.parse(holder) as WorkerIdentity)),
      );
    }, options);
    if (broken.length === 0) return [];
    const taken = await this.#database.write(async (transaction) => {
      const rows: RunRow[] = [];
      for (const { id, worker_id: holder, lease_until: until } of broken) {
        const row = await transaction
          .updateTable('runs')
          .set({
            worker_id: worker.id,
            worker: JSON.stringify(worker),
            lease_until: now + lease,
          })
          .where('id', '=', id)
          .where('state', '=', 'running')
          .where('worker_id', '=', holder)
          .where('lease_until', '=', until)
          .returningAll()
          .executeTakeFirst();
        if (row !== undefined) rows.push(row);
      }
      return rows;
    }, options);
    return taken.map(runOf);
  }

  async waitForWork(milliseconds: number, options?: CallOptions): Promise<void> {
    const now = this.#clock.now();
    const next = await this.#database.read(
      (view) =>
        view
          .selectFrom('runs')
          .select('not_before')
          .where('state', '=', 'queued')
          .where('not_before', '>', now)
          .orderBy('not_before')
          .limit(1)
          .executeTakeFirst(),
      options,
    );
    // Nobody rings when the time of a run comes.
    const untilNext = (next?.not_before ?? Infinity) - now;
    await this.#database.bell.wait(Math.min(milliseconds, untilNext), options);
  }

  /** All that ends a run, if it is as it should be: its record, its keys, its history, and what is told about it. */
  async #end(
    transaction: Statements,
    which: { readonly id: string; readonly state: RunState; readonly worker?: string },
    end: RunEnd,
    now: number,
    reports: readonly OutboxEntry[],
  ): Promise<boolean> {
    const { id, state, worker } = which;
    let update = transaction
      .updateTable('runs')
      .set({
        ...overColumns(end.outcome, end.reason, now),
        problem: end.problem === undefined ? null : JSON.stringify(end.problem),
        ...stepColumns(end.steps),
      })
      .where('id', '=', id)
      .where('state', '=', state);
    if (worker !== undefined) update = update.where('worker_id', '=', worker);
    const row = await update.returning(['job', 'activity']).executeTakeFirst();
    if (row === undefined) return false;
    await this.#free(transaction, id);
    await noteEnd(transaction, { run: id, ...row, outcome: end.outcome });
    await addToOutbox(transaction, reports, now, this.#newId);
    return true;
  }

  /** What a run that is over held and wanted. */
  async #free(transaction: Statements, id: string): Promise<void> {
    await transaction.deleteFrom('run_keys').where('run', '=', id).execute();
    await this.#database.bell.taken(transaction, id, 'over');
  }
}

function nextRun(
  statements: Statements,
  now: number,
  only: string | undefined,
): Promise<{ readonly id: string } | undefined> {
  let query = statements
    .selectFrom('runs')
    .select('runs.id')
    .where('runs.state', '=', 'queued')
    .where((where) =>
      where.or([
        where('not_before', 'is', null),
        where('not_before', '<=', now),
        // The clock has been put back since: nothing may wait until that time comes.
        where('queued_at', '>', now + clockTolerance),
        where('not_before', '>', now + longestPostponement),
      ]),
    )
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('run_keys as wanted')
            .innerJoin('run_keys as taken', (join) =>
              join.onRef('taken.key', '=', 'wanted.key').on('taken.held', '=', 1),
            )
            .select('wanted.run')
            .whereRef('wanted.run', '=', 'runs.id'),
        ),
      ),
    );
  if (only !== undefined) query = query.where('runs.id', '=', only);
  return query
    .orderBy('priority', 'desc')
    .orderBy('queued_at')
    .orderBy('runs.id')
    .limit(1)
    .executeTakeFirst();
}

function overColumns(
  outcome: RunEnd['outcome'],
  reason: string | undefined,
  now: number,
): Pick<RunRow, 'state' | 'reason' | 'finished_at' | 'lease_until'> {
  return { state: outcome, reason: reason ?? null, finished_at: now, lease_until: null };
}

/** Whether the same worker has ended it so before, and only was not told. */
async function wasFinished(
  transaction: Statements,
  id: string,
  worker: string,
  { outcome }: RunEnd,
): Promise<boolean> {
  const row = await transaction
    .selectFrom('runs')
    .select('id')
    .where('id', '=', id)
    .where('worker_id', '=', worker)
    .where('state', '=', outcome)
    .executeTakeFirst();
  return row !== undefined;
}
