import type { NewRun, Run } from '../../model/run.ts';
import type { Statements, WorkBell } from '../sql-database.ts';
import { newRunRow, runOf } from './run-rows.ts';

/** Puts a new run into the queue, as part of a transaction. */
export interface RunAdder {
  add(transaction: Statements, run: NewRun, now: number): Promise<Run>;
}

export function runAdder(bell: WorkBell, newId: (now: number) => string): RunAdder {
  return {
    async add(transaction, run, now) {
      const row = newRunRow(newId(now), run, now);
      await transaction.insertInto('runs').values(row).execute();
      const made = runOf(row);
      if (made.keys.length > 0) {
        await transaction
          .insertInto('run_keys')
          .values(made.keys.map((key) => ({ run: row.id, key, held: 0 })))
          .execute();
      }
      await bell.queued(transaction, {
        id: made.id,
        priority: made.priority,
        notBefore: made.notBefore,
      });
      return made;
    },
  };
}
