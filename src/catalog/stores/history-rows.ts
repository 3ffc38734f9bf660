import type { Outcome } from '../../model/run.ts';
import type { Statements } from '../sql-database.ts';

const isSuccess = (outcome: Outcome): boolean => outcome === 'succeeded' || outcome === 'warned';
const isFailure = (outcome: Outcome): boolean => outcome === 'failed' || outcome === 'broken';

/** Writes into the history of its job and activity how a run ended. One that was skipped or cancelled is neither good nor bad. */
export async function noteEnd(
  transaction: Statements,
  {
    run,
    job,
    activity,
    outcome,
  }: {
    readonly run: string;
    readonly job: string;
    readonly activity: string;
    readonly outcome: Outcome;
  },
): Promise<void> {
  const changes = {
    last_run: run,
    ...(isSuccess(outcome) && { last_success: run }),
    ...(isFailure(outcome) && { last_failure: run }),
  };
  await transaction
    .insertInto('histories')
    .values({
      job,
      activity,
      last_success: null,
      last_failure: null,
      ...changes,
      failures_in_a_row: isFailure(outcome) ? 1 : 0,
    })
    .onConflict((conflict) =>
      conflict.columns(['job', 'activity']).doUpdateSet((where) => ({
        ...changes,
        ...(isSuccess(outcome) && { failures_in_a_row: 0 }),
        ...(isFailure(outcome) && {
          failures_in_a_row: where('histories.failures_in_a_row', '+', 1),
        }),
      })),
    )
    .execute();
}
